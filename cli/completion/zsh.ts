import type { CompletedCommand, Values } from './tree.ts';

/** A function for zsh that completes the program by these commands. */
export function zshCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path, commands: inner }) =>
    inner.map((command) => {
      const whole = path === '' ? command.name : `${path} ${command.name}`;
      return `      ${quoted(`${path}/${command.name}`)}) command=${quoted(whole)} ;;`;
    }),
  );
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ long, values: of }) =>
      of === undefined ? [] : [`    ${quoted(`${path}/--${long}`)}) ${add(of)}; return ;;`],
    ),
  );
  const offered = commands.map(({ path, commands: inner, options, argument }) => {
    const described = [
      ...inner.map((command) => ({ word: command.name, description: command.description })),
      ...options.map(({ long, description }) => ({ word: `--${long}`, description })),
    ];
    const list = described.map(({ word, description }) => quoted(`${word}:${description}`)).join(' ');
    const first = argument === undefined || argument === 'any' ? '' : `${add(argument)}; `;
    return `    ${quoted(path)}) ${first}offered=(${list}) ;;`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh; made by: ${name} completion zsh
_${name}() {
  local command='' word
  local -a offered
  for word in \${words[2,CURRENT-1]}; do
    case $command/$word in
${paths.join('\n')}
    esac
  done
  case $command/\${words[CURRENT-1]} in
${values.join('\n')}
  esac
  case $command in
${offered.join('\n')}
  esac
  _describe ${name} offered
}
if [[ \${funcstack[1]} == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function add(values: Values): string {
  if (values === 'any') return '_message value';
  if (values === 'path') return '_files';
  return `compadd -- ${values.map(quoted).join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

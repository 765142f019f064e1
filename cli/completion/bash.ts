import type { CompletedCommand, Values } from './tree.ts';

/** A function for bash that completes the program by these commands. */
export function bashCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path, commands: inner }) =>
    inner.map((command) => {
      const whole = path === '' ? command.name : `${path} ${command.name}`;
      return `      '${path}/${command.name}') command='${whole}' ;;`;
    }),
  );
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ long, values: of }) =>
      of === undefined ? [] : [`    '${path}/--${long}') ${reply(of)}; return ;;`],
    ),
  );
  const words = commands.map(({ path, commands: inner, options, argument }) => {
    const offered = [...inner.map((command) => command.name), ...options.map(({ long }) => `--${long}`)];
    const list = typeof argument === 'object' ? [...argument, ...offered] : offered;
    const paths_ = argument === 'path' ? ' COMPREPLY+=($(compgen -f -- "$current"));' : '';
    return `    '${path}') ${reply(list)};${paths_} ;;`;
  });
  return `# Completion of ${name} for bash; made by: ${name} completion bash
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' word
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $command/$word in
${paths.join('\n')}
    esac
  done
  case $command/$previous in
${values.join('\n')}
  esac
  case $command in
${words.join('\n')}
  esac
}
complete -o filenames -F _${name} ${name}
`;
}

function reply(values: Values): string {
  if (values === 'any') return ':';
  if (values === 'path') return 'COMPREPLY=($(compgen -f -- "$current"))';
  const goesOn = values.some((value) => value.endsWith('=')) ? '; compopt -o nospace 2>/dev/null' : '';
  return `COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$current"))${goesOn}`;
}

/** What may stand where a value is expected: one of a list, a path, or anything. */
export type Values = readonly string[] | 'path' | 'any';

/** An option as a shell completes it. */
export interface CompletedOption {
  /** Without hyphens. */
  readonly long: string;
  readonly description: string;
  /** Undefined for a flag, which takes no value. */
  readonly values: Values | undefined;
}

/** A command as a shell completes it; the program itself is the one without words. */
export interface CompletedCommand {
  /** Its words, e.g. `images build`; '' for the program, which is its default command. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Of its arguments; undefined where it has none. */
  readonly argument: Values | undefined;
}

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

/** A function for zsh that completes the program by these commands. */
export function zshCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path, commands: inner }) =>
    inner.map((command) => {
      const whole = path === '' ? command.name : `${path} ${command.name}`;
      return `      ${quotedForZsh(`${path}/${command.name}`)}) command=${quotedForZsh(whole)} ;;`;
    }),
  );
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ long, values: of }) =>
      of === undefined ? [] : [`    ${quotedForZsh(`${path}/--${long}`)}) ${offer(of)}; return ;;`],
    ),
  );
  const offered = commands.map(({ path, commands: inner, options, argument }) => {
    const described = [
      ...inner.map((command) => ({ word: command.name, description: command.description })),
      ...options.map(({ long, description }) => ({ word: `--${long}`, description })),
    ];
    const list = described.map(({ word, description }) => quotedForZsh(`${word}:${description}`)).join(' ');
    const first = argument === undefined || argument === 'any' ? '' : `${offer(argument)}; `;
    return `    ${quotedForZsh(path)}) ${first}offered=(${list}) ;;`;
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

function offer(values: Values): string {
  if (values === 'any') return '_message value';
  if (values === 'path') return '_files';
  return `compadd -- ${values.map(quotedForZsh).join(' ')}`;
}

function quotedForZsh(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Completions of the program's commands for fish. */
export function fishCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path, commands: inner }) =>
    inner.map((command) => {
      const whole = path === '' ? command.name : `${path} ${command.name}`;
      return `      case ${quotedForFish(`${path}/${command.name}`)}\n        set command ${quotedForFish(whole)}`;
    }),
  );
  const lines = commands.flatMap(({ path, commands: inner, options, argument }) => {
    const at = `complete -c ${name} -n ${quotedForFish(`__${name}_at ${quotedForFish(path)}`)}`;
    return [
      ...inner.map(
        (command) => `${at} -f -a ${quotedForFish(command.name)} -d ${quotedForFish(command.description)}`,
      ),
      ...options.map(
        ({ long, description, values }) =>
          `${at} -f -l ${long}${values === undefined ? '' : taking(values)} -d ${quotedForFish(description)}`,
      ),
      ...(argument === undefined || argument === 'any'
        ? []
        : [argument === 'path' ? `${at} -F` : `${at} -f -a ${quotedForFish(argument.join(' '))}`]),
    ];
  });
  return `# Completion of ${name} for fish; made by: ${name} completion fish
function __${name}_at
  set -l command ''
  for word in (commandline -opc)[2..-1]
    switch "$command/$word"
${paths.join('\n')}
    end
  end
  test "$command" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`;
}

function taking(values: Values): string {
  if (values === 'path') return ' -r -F';
  return values === 'any' ? ' -x' : ` -x -a ${quotedForFish(values.join(' '))}`;
}

function quotedForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** What may stand where a value is expected: one of a list, a path, or anything. */
export type Values = readonly string[] | 'path' | 'any';

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

/** A command's path and the word that leads on from it, and the path that this makes: `images/list`, `images list`. */
function pathsIn(commands: readonly CompletedCommand[]): { readonly at: string; readonly whole: string }[] {
  return commands.flatMap(({ path, commands: inner }) =>
    inner.map(({ name }) => ({ at: `${path}/${name}`, whole: path === '' ? name : `${path} ${name}` })),
  );
}

/** What bash and zsh write alike: which command a word leads to, and what a flag's value may be. */
function cases(
  commands: readonly CompletedCommand[],
  offer: (values: Values) => string,
): { readonly paths: string; readonly values: string } {
  const paths = pathsIn(commands).map(({ at, whole }) => `      ${quoted(at)}) command=${quoted(whole)} ;;`);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ long, values: of }) =>
      of === undefined ? [] : [`    ${quoted(`${path}/--${long}`)}) ${offer(of)}; return ;;`],
    ),
  );
  return { paths: paths.join('\n'), values: values.join('\n') };
}

export function bashCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const { paths, values } = cases(commands, reply);
  const words = commands.map(({ path, commands: inner, options, argument }) => {
    const offered = [...inner.map((command) => command.name), ...options.map(({ long }) => `--${long}`)];
    const list = typeof argument === 'object' ? [...argument, ...offered] : offered;
    const files = argument === 'path' ? ' COMPREPLY+=($(compgen -f -- "$current"));' : '';
    return `    '${path}') ${reply(list)};${files} ;;`;
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
${paths}
    esac
  done
  case $command/$previous in
${values}
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

export function zshCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const { paths, values } = cases(commands, offer);
  const offered = commands.map(({ path, commands: inner, options, argument }) => {
    const described = [
      ...inner.map((command) => ({ word: command.name, description: command.description })),
      ...options.map(({ long, description }) => ({ word: `--${long}`, description })),
    ];
    const list = described.map(({ word, description }) => quoted(`${word}:${description}`)).join(' ');
    const first = argument === undefined || argument === 'any' ? '' : `${offer(argument)}; `;
    return `    ${quoted(path)}) ${first}offered=(${list}) ;;`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh; made by: ${name} completion zsh
_${name}() {
  local command='' word
  local -a offered
  for word in \${words[2,CURRENT-1]}; do
    case $command/$word in
${paths}
    esac
  done
  case $command/\${words[CURRENT-1]} in
${values}
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
  return `compadd -- ${values.map(quoted).join(' ')}`;
}

/** As bash and zsh read it back. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Completions of the program's commands for fish. */
export function fishCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = pathsIn(commands).map(
    ({ at, whole }) => `      case ${quotedForFish(at)}\n        set command ${quotedForFish(whole)}`,
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

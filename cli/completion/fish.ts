import type { CompletedCommand, Values } from './tree.ts';

/** Completions of the program's commands for fish. */
export function fishCompletion(name: string, commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path, commands: inner }) =>
    inner.map((command) => {
      const whole = path === '' ? command.name : `${path} ${command.name}`;
      return `      case ${quoted(`${path}/${command.name}`)}\n        set command ${quoted(whole)}`;
    }),
  );
  const lines = commands.flatMap(({ path, commands: inner, options, argument }) => {
    const at = `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)}`;
    return [
      ...inner.map((command) => `${at} -f -a ${quoted(command.name)} -d ${quoted(command.description)}`),
      ...options.map(
        ({ long, description, values }) =>
          `${at} -f -l ${long}${values === undefined ? '' : taking(values)} -d ${quoted(description)}`,
      ),
      ...(argument === undefined || argument === 'any'
        ? []
        : [argument === 'path' ? `${at} -F` : `${at} -f -a ${quoted(argument.join(' '))}`]),
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
  return values === 'any' ? ' -x' : ` -x -a ${quoted(values.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

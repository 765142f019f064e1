import { InvalidArgumentError, Option, type Command } from 'commander';

/** Options of a run in a cluster that is there already, and with a proxy and a page of the user's own. */
export function withSurroundings(command: Command): Command {
  for (const option of [...clusterOptions(), ...surroundings()]) command.addOption(option);
  return command;
}

/** How to reach a cluster that is there already. */
export function clusterOptions(): Option[] {
  return [
    new Option('--kubeconfig <file>', 'use the cluster that this file leads to, instead of starting one'),
    new Option('--context <name>', 'one of its contexts'),
    new Option('--in-cluster', 'use the cluster that this process runs in').conflicts('kubeconfig'),
    new Option('--namespace <name>', 'namespace of the client in the mesh there (conformance-mesh)'),
    new Option('--proxy-namespace <name>', 'namespace of the proxy there (conformance-external)'),
  ];
}

function surroundings(): Option[] {
  return [
    new Option('--report-config-map <namespace/name>', 'leave the report in this ConfigMap there besides'),
    new Option('--install-istio', 'install Istio there, and take it away again'),
    new Option('--revision <name>', 'revision or tag of the Istio there'),
    new Option('--pull-secret <file>', 'credentials to pull images with there, as docker login writes them'),
    new Option('--every-node', "the mesh's part from a client on each node besides"),
    new Option(
      '--proxy <host:port>',
      'use this proxy instead of deploying Squid; several as IP:PORT,IP:PORT',
    ),
    new Option('--proxy-log <where>', 'its access log: a file, or namespace/pod[/container][:/path]'),
    new Option('--destination <url>', 'a page of your own, https').argParser(httpsUrl),
    new Option('--expect-title <text>', "that page's title"),
    new Option('--destination-ca <file>', "CA of that page's certificate, as PEM"),
  ];
}

function httpsUrl(value: string): string {
  if (URL.parse(value)?.protocol === 'https:') return value;
  throw new InvalidArgumentError('A URL that begins with https://.');
}

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { readFile } from 'node:fs/promises';
import { editionOf } from '../../fixtures/document/editions.ts';
import { messageOf } from '../errors.ts';
import { registryHost } from '../images/reference.ts';
import { excludes, isLoopback, proxyVariables, certificatesIn } from '../proxies/variables.ts';
import { failed, inGroup, ok, together, warning, type Finding } from './check.ts';
import { engineProxyFinding, proxyAnswers, proxyFindings } from './proxies.ts';
import type { RegistryAnswer } from '../images/registry.ts';
import type { Surroundings } from './surroundings.ts';

export const networkChecks = inGroup('Network', {
  dns: { look: dnsFinding },
  registries: {
    needsEngine: true,
    look: async ({ set, registries, registryAnswers }) => {
      const { source, ready, because } = await set();
      if (ready) return ok(`not needed: all images are here (${source})`);
      if (registries.length === 0) return ok(`no registry is needed: the images are built (${because})`);
      return registriesFinding(await registryAnswers(), source);
    },
  },
  destination: {
    look: async ({ asked, destination }) => {
      if (asked.target === 'hermetic')
        return ok('hermetic: a server in the cluster, with a CA made for the run');
      const { status, problem } = await destination();
      const { host } = new URL(editionOf(asked).request.url);
      if (status !== undefined) return ok(`${host} answers ${status}`);
      if (asked.target === 'live') {
        return failed(
          `${host} does not answer: ${problem}`,
          trustHint(problem) ?? 'Check the network and the proxy variables, or use --target hermetic.',
        );
      }
      return warning(
        `${host} does not answer: ${problem}; the hermetic destination will be used`,
        trustHint(problem) ??
          'Nothing, unless you want the real page: then check the network and the proxy variables.',
      );
    },
  },
  proxy: {
    quick: true,
    look: async ({ environment, engine, quick }) => {
      const variables = proxyVariables(environment);
      if (variables.length === 0) return ok('no proxy variable is set');
      const facts = await engine().catch(() => undefined);
      const findings = proxyFindings(environment, {
        engineHost: facts?.host,
        engineIsHere: facts?.onThisKernel ?? true,
      });
      const silent = quick ? [] : await proxyAnswers(variables);
      const names = variables.map(({ spelling }) => spelling).join(', ');
      return together([...findings, ...silent], `${names}: used for pulls and builds, never handed to pods`);
    },
  },
  'engine-proxy': {
    needsEngine: true,
    look: async ({ environment, engine, set }) =>
      engineProxyFinding((await engine()).info, environment, (await set()).ready),
  },
  authorities: {
    quick: true,
    look: async ({ environment }) => authorityFindings(environment),
  },
});

async function dnsFinding({ environment, asked, registries }: Surroundings): Promise<Finding> {
  const published = registries.map(registryHost);
  const live = asked.target === 'hermetic' ? [] : [new URL(editionOf(asked).request.url).host];
  const hosts = [...new Set([...published, ...live])].map((host) => host.replace(/:\d+$/, ''));
  const own = hosts.filter((host) => isIP(host) === 0 && !isLoopback(host) && !byProxy(host, environment));
  if (own.length === 0)
    return ok(hosts.length === 0 ? 'no name has to be resolved' : 'the proxy resolves all names');
  const problems = await Promise.all(own.map((host) => lookup(host).then(() => undefined, messageOf)));
  const unresolved = own.flatMap((host, index) =>
    problems[index] === undefined ? [] : [`${host} (${problems[index]})`],
  );
  if (unresolved.length === 0) return ok(`${own.join(', ')} resolve`);
  const said = `${unresolved.join(', ')} cannot be resolved`;
  const hint = 'Check /etc/resolv.conf; if only a proxy resolves names, set HTTPS_PROXY.';
  return asked.images === 'registry' || asked.images.startsWith('mirror=') || asked.target === 'live'
    ? failed(said, hint)
    : warning(said, hint);
}

function byProxy(host: string, environment: NodeJS.ProcessEnv): boolean {
  const value = (name: string): string => environment[name.toLowerCase()] ?? environment[name] ?? '';
  return value('HTTPS_PROXY') !== '' && !excludes(value('NO_PROXY'), host);
}

/** @param source What a run takes as things are: the source set where published images cannot be had */
export function registriesFinding(
  answers: readonly RegistryAnswer[],
  source: 'registry' | 'source',
): Finding {
  const findings = answers.map(({ registry, status, problem }) => {
    if (status === 429 || (status !== undefined && status >= 500)) {
      return warning(
        `${registry} answers ${status}: it may refuse images now`,
        'Wait, or use a mirror (--images mirror=HOST) or --images source.',
      );
    }
    if (status !== undefined) return ok(`${registry} answers ${status}`);
    const said = `${registry} does not answer: ${problem}`;
    const hint = trustHint(problem);
    return source === 'registry'
      ? failed(
          said,
          hint ?? 'Check the network, the proxy variables and the engine, or use --images source.',
          'REGISTRY_UNREACHABLE',
        )
      : warning(
          `${said}; the images will be built from source`,
          hint ?? 'Nothing, if that is what you want; otherwise check the network and the proxy variables.',
        );
  });
  return together(findings, findings.map(({ message }) => message).join(', '));
}

/** What a proxy that opens TLS looks like from here. */
function trustHint(problem: string): string | undefined {
  return /self[- ]signed|unable to (get|verify)|certificate/i.test(problem)
    ? 'A proxy on the way signs its own certificates: give its CA to this suite (NODE_EXTRA_CA_CERTS=FILE) and to the engine (docs/doctor.md).'
    : undefined;
}

/** Variables that name files of trusted certificates, and who reads each. */
const variables = { NODE_EXTRA_CA_CERTS: 'this suite', SSL_CERT_FILE: 'Go, pip and curl' } as const;

/** Whether the files of CA certificates that variables name are there and hold some that are valid. */
export async function authorityFindings(environment: NodeJS.ProcessEnv): Promise<Finding> {
  const set = Object.entries(variables).flatMap(([name, reader]) => {
    const file = environment[name] ?? '';
    return file === '' ? [] : [{ name, reader, file }];
  });
  const findings = await Promise.all(
    set.map(async ({ name, reader, file }): Promise<Finding[]> => {
      const problem = await problemOf(file);
      if (problem === undefined) return [];
      return [
        warning(
          `${name}=${file} ${problem}; ${reader} would trust nothing`,
          'Name a file of certificates in PEM, or unset the variable.',
        ),
      ];
    }),
  );
  const [own, replacing] = [environment['NODE_EXTRA_CA_CERTS'] ?? '', environment['SSL_CERT_FILE'] ?? ''];
  const oneSided =
    replacing !== '' && own === ''
      ? [
          warning(
            'SSL_CERT_FILE is set and NODE_EXTRA_CA_CERTS is not: Node, and so this suite, does not read SSL_CERT_FILE',
            `NODE_EXTRA_CA_CERTS=${replacing}`,
          ),
        ]
      : [];
  const fine =
    set.length === 0
      ? 'no file of CA certificates is set'
      : `${set.map(({ name }) => name).join(' and ')} can be read`;
  return together([...findings.flat(), ...oneSided], fine);
}

async function problemOf(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return `cannot be read (${messageOf(error)})`;
  }
  try {
    const now = new Date();
    const certificates = certificatesIn(text);
    if (certificates.length === 0) return 'holds no certificate in PEM';
    const valid = certificates.filter(
      ({ validFromDate, validToDate }) => validFromDate <= now && now <= validToDate,
    );
    return valid.length === 0 ? 'holds no certificate that is valid today' : undefined;
  } catch (error) {
    return `holds a certificate that cannot be parsed (${messageOf(error)})`;
  }
}

import { readFile } from 'node:fs/promises';
import { messageOf } from '../errors.ts';
import { certificatesIn } from '../proxies/variables.ts';
import { together, warning, type Finding } from './check.ts';

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

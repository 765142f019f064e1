import { hash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { exists, inCache, writeWhole } from '../cache.ts';

/** By which each tool takes a file of certificates INSTEAD of its own: Go and OpenSSL, pip, requests, curl, Git. */
const replacing = ['SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'];

/** The certificates in PEM text. @throws Error when one of them cannot be parsed */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Variables that make the tools of a build trust what Node was told to trust in addition (NODE_EXTRA_CA_CERTS), where
 * they were not told themselves. They take a file instead of their own certificates, so it holds all of them.
 * @returns nothing where Node was told nothing, or of a file that holds no certificates
 */
export async function authorityVariables(environment: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const extra = environment['NODE_EXTRA_CA_CERTS'];
  const missing = replacing.filter((name) => (environment[name] ?? '') === '');
  if (extra === undefined || extra === '' || missing.length === 0) return {};
  const own = await readFile(extra, 'utf8').catch(() => '');
  if (!own.includes('-----BEGIN CERTIFICATE-----')) return {};
  const file = await bundle([...tls.getCACertificates('system'), ...tls.rootCertificates, own]);
  return Object.fromEntries(missing.map((name) => [name, file]));
}

/** A file in the cache, named by what is in it. */
async function bundle(certificates: readonly string[]): Promise<string> {
  const text = `${[...new Set(certificates.map((pem) => pem.trim()))].join('\n')}\n`;
  const name = hash('sha256', text).slice(0, 16);
  const file = inCache('authorities', `${name}.pem`);
  if (!(await exists(file))) await writeWhole(file, text);
  return file;
}

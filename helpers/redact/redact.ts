import { redactKeys } from './redact-keys.ts';

const marker = '[removed]';

type Rule = (text: string) => string;

/** A quote, with the backslashes it has when the text is JSON within a JSON string. */
const quote = String.raw`\\*["']`;
/** Name of an environment variable that looks secret. */
const variable = String.raw`[\w.]{0,80}(?:PASSW(?:OR)?D|PASSPHRASE|TOKEN|SECRET|CREDENTIAL|KEY|[Pp]assword|[Tt]oken(?!s)|[Ss]ecret)[\w.]{0,80}`;
/** Name of a field whose value is secret by itself. */
const field = [
  String.raw`[a-z._-]{0,40}(?:token|password|passwd|passphrase|api[_-]?key|client-key-data|private[_-]?key)`,
  String.raw`[a-z._-]{0,40}(?:client|shared)[_-]?secret`,
  String.raw`(?:tls|ca)\.key|(?:ca-)?key\.pem`,
].join('|');
/** Where a field's name may begin. */
const nameStart = String.raw`(?<![\w.-])(?:--)?`;

/** Not the beginning of a plain value: a quote, an object, a reference, a truth value, or cut out already. */
const notPlain = String.raw`(?![\s"'\\[{|>&*]|(?:true|false|null)\b)`;

/** Cuts out what stands between quotes after `before`. */
function quoted(before: string, flags: string): Rule {
  const pattern = new RegExp(`((?:${before})(${quote}))[^]{0,65536}?(?<!\\\\)\\2`, flags);
  return replaced(pattern, `$1${marker}$2`);
}

/** Cuts out a text of several lines in YAML. `head` is what stands before `key: |`. */
function blockScalar(head: string, key: string, flags: string): Rule {
  const text = String.raw`(?:\2[ \t]+[^\n]*(?:\n|$)|[ \t]*\n)+`;
  const pattern = new RegExp(String.raw`(${head}([ \t]*)(?:- )?(?:${key}): [|>][^\n]*\n)${text}`, flags);
  return replaced(pattern, `$1$2    ${marker}\n`);
}

function replaced(pattern: RegExp, by: string): Rule {
  return (text) => text.replace(pattern, by);
}

/** Cuts out the second group where `isSecret` says so of it. */
function replacedIf(pattern: RegExp, isSecret: (value: string) => boolean): Rule {
  return (text) =>
    text.replace(pattern, (whole, before: string, value: string) =>
      isSecret(value) ? `${before}${marker}` : whole,
    );
}

/** Squid's password for its parent. */
const squidPeer = replaced(/(\bcache_peer\b[^\n]{0,500}?\blogin=)[^\s\\"']+/g, `$1${marker}`);

// JWTs, whole or cut off; nothing else begins like this but the base64 of a JSON object.
const tokens: readonly Rule[] = [
  replaced(/(?<![A-Za-z0-9+/])eyJ[\w-]{8,}(?:\.[\w-]*)*/g, marker),
  // "Bearer authentication" is no token.
  replacedIf(
    /\b(Bearer\s+)([\w.~+/=-]{8,})/gi,
    (value) => !/^(?:[a-z]{1,20}|[A-Z]?[a-z]{1,20}\.)$/.test(value),
  ),
  replacedIf(/\b(Basic\s+)([A-Za-z0-9+/]{4,}={0,2})/gi, (value) =>
    Buffer.from(value, 'base64').toString('latin1').includes(':'),
  ),
];

// As sent, in JSON, as Envoy's debug log has them ('authorization', 'Basic x'), as name and value, as a Go map.
const headers: readonly Rule[] = [
  quoted(String.raw`authorization(?:${quote})?\s*[:=]\s*|authorization'\s*,\s*`, 'gi'),
  quoted(String.raw`authorization${quote}\s*,\s*${quote}(?:raw_)?value${quote}\s*:\s*`, 'gi'),
  replaced(/(authorization\s{0,4}[:=][ \t]*(?:\[(?!removed))?)(?![\s"'\\[{])[^\r\n"'\\\]]+/gi, `$1${marker}`),
];

const fields: readonly Rule[] = [
  quoted(String.raw`${nameStart}(?:${field})(?:${quote})?\s*[:=]\s*|--(?:${field})${quote}\s*,\s*`, 'gi'),
  blockScalar('^', field, 'gim'),
  // A line of YAML to its end; elsewhere up to what may end a value.
  replaced(new RegExp(String.raw`(^[ \t]*(?:- )?(?:${field}): +)${notPlain}[^\n]+`, 'gim'), `$1${marker}`),
  replaced(
    new RegExp(String.raw`(${nameStart}(?:${field})\s?[:=][ \t]*)${notPlain}[^\s"',;&}\]\\]+`, 'gi'),
    `$1${marker}`,
  ),
];

// Of pods in JSON and in YAML, of the engine's inspect, of shells.
const variables: readonly Rule[] = [
  quoted(
    String.raw`${quote}name${quote}\s*:\s*${quote}${variable}${quote}\s*,\s*${quote}value${quote}\s*:\s*`,
    'g',
  ),
  blockScalar(String.raw`name: ["']?${variable}["']?[ \t]*\n`, 'value', 'g'),
  replaced(
    new RegExp(String.raw`(name: ["']?${variable}["']?[ \t]*\n[ \t]*value: )(?![|>])[^\n]+`, 'g'),
    `$1${marker}`,
  ),
  replaced(new RegExp(String.raw`(["']${variable}=)(?:[^"\\\n]|\\.)+`, 'g'), `$1${marker}`),
  replaced(new RegExp(String.raw`((?<![\w.])${variable}=)[^\s"'&,;\\]+`, 'g'), `$1${marker}`),
];

/** Texts that no pattern finds, e.g. a password that the user gave. */
const secrets = new Set<string>();

/** Shorter ones would cut ordinary words to pieces. */
const shortest = 4;

/** From now on `redact` cuts these out, in this thread. */
export function keepSecret(texts: readonly string[]): void {
  for (const text of texts) if (text.length >= shortest) secrets.add(text);
}

/** Cuts the longest out first: one may contain another. */
function withoutSecrets(text: string): string {
  return [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((kept, secret) => kept.replaceAll(secret, marker), text);
}

const rules: readonly Rule[] = [
  withoutSecrets,
  redactKeys,
  ...headers,
  squidPeer,
  ...tokens,
  // Credentials in URLs. A password may hold an @ of its own: up to the last one.
  replaced(/(:\\?\/\\?\/)[^\s/?#"'<>\\]{1,512}@/g, `$1${marker}@`),
  ...fields,
  ...variables,
];

/**
 * The text without what must not leave the machine: private keys, tokens, credentials. What is cut out is marked.
 * It cuts rather too much than too little: a marker in the evidence costs a question, a key in it costs a key.
 */
export function redact(text: string): string {
  return rules.reduce((redacted, rule) => rule(redacted), text);
}

/**
 * A copy of plain data in which private keys, tokens and credentials are cut out of every text. Reports
 * and events go through it: what a program printed gets into them in many ways.
 */
export function redacted<T>(data: T): T {
  return walk(data) as T;
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]));
}

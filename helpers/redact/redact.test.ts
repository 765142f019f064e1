import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { redact } from './redact.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs1',
  format: 'pem',
});
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pems = [
  String(rsa),
  String(ec.export({ type: 'pkcs8', format: 'pem' })),
  String(ec.export({ type: 'sec1', format: 'pem' })),
  String(ec.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })),
];

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const wrapped = (text: string, width: number): string => text.replace(new RegExp(`.{${width}}`, 'g'), '$&\n');

/** How a key gets into a file: each takes text with the key in it and gives text with the key in it. */
const dresses = {
  json: (text: string) => JSON.stringify({ note: 'x', key: text, after: 1 }),
  jsonInJson: (text: string) => JSON.stringify(JSON.stringify([text])),
  yaml: (text: string) => stringify({ data: { a: { key: text } }, b: 1 }),
  indented: (text: string) => `      ${text.replaceAll('\n', '\n      ')}`,
  crlf: (text: string) => text.replaceAll('\n', '\r\n'),
  base64,
  base64Url: (text: string) => Buffer.from(text).toString('base64url'),
  base64Lines20: (text: string) => wrapped(base64(text), 20),
  base64Lines64: (text: string) => wrapped(base64(text), 64),
  base64Lines76: (text: string) => wrapped(base64(text), 76),
  base64Shifted1: (text: string) => base64(`a${text}`),
  base64Shifted2: (text: string) => base64(`ab${text}`),
};
const names = Object.keys(dresses) as (keyof typeof dresses)[];
const dressed = fc.array(fc.constantFrom(...names), { maxLength: 3 });

/** The file undressed as far as it goes: all base64 and all escapes in it decoded, again and again. */
function undressed(text: string, depth = 4): string {
  if (depth === 0) return text;
  const joined = text.replace(/\\+r/g, '').replace(/\\+n|\s/g, '');
  const decoded = [...joined.matchAll(/[A-Za-z0-9+/_-]{30,}/g)].flatMap(([run]) =>
    [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), 'base64').toString('latin1')),
  );
  const inner = decoded.filter((piece) => /[A-Za-z0-9+/_ -]{30,}/.test(piece));
  return [joined, ...inner.map((piece) => undressed(piece, depth - 1))].join('\n');
}

/** Pieces of the key's body as they stand in a decoded text; 24 characters do not come about by chance. */
function bodyPieces(pem: string): string[] {
  const body = pem.split('\n').filter((line) => /^[A-Za-z0-9+/=]{30,}$/.test(line));
  return body.map((line) => line.slice(0, 24));
}

describe('private keys', () => {
  it.each(pems)('go, and what stands around them stays', (pem) => {
    expect(redact(`before\n${pem}after\n`)).toBe('before\n---[removed: private key]\nafter\n');
    expect(redact(`{"a": "before", "key": ${JSON.stringify(pem)}, "after": 1}`)).toBe(
      '{"a": "before", "key": "---[removed: private key]\\n", "after": 1}',
    );
  });

  it('never survive, whatever they are dressed in', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...pems),
        dressed,
        fc.constantFrom('', 'level=info msg="loaded" key=', 'tls.key: ', '  "inline_string": ', 'path/to/'),
        fc.constantFrom('', '\nmore\n', ' and more', '"}'),
        (pem, chain, before, after) => {
          const inside = chain.reduce((text, name) => dresses[name](text), `${before}${pem}`);
          const result = undressed(redact(`${before}${inside}${after}`));
          expect(result).not.toContain('PRIVATEKEY');
          expect(result).not.toContain('PRIVATE KEY');
          for (const piece of bodyPieces(pem)) expect(result).not.toContain(piece);
        },
      ),
      { numRuns: 400 },
    );
  }, 60_000);

  it.each(pems)('go where the log begins or ends in the middle of one', (pem) => {
    const lines = pem.trimEnd().split('\n');
    const half = Math.ceil(lines.length / 2);
    const head = redact(`before\n${lines.slice(0, half).join('\n')}\n`);
    const tail = redact(`${lines.slice(1).join('\n')}\nafter\n`);
    for (const piece of bodyPieces(pem)) {
      expect(head).not.toContain(piece);
      expect(tail).not.toContain(piece);
    }
    expect(head).toMatch(/^before\n/);
    expect(tail).toBe('[removed: private key]\nafter\n');
  });

  it('take a Secret with them, but no certificate', () => {
    const certificate = `-----BEGIN CERTIFICATE-----\n${'MIIB'.repeat(40)}\n-----END CERTIFICATE-----\n`;
    const yaml = stringify(
      { 'tls.crt': base64(certificate), 'tls.key': base64(pems[0] ?? '') },
      { lineWidth: 0 },
    );
    expect(redact(yaml)).toBe(`tls.crt: ${base64(certificate)}\ntls.key: [removed: private key]\n`);
    expect(redact(certificate)).toBe(certificate);
  });
});

const jwt = `${base64('{"alg":"RS256","kid":"abc"}')}.${base64('{"sub":"me"}').replaceAll('=', '')}.c2lnbmF0dXJl_-A`;

describe('tokens and headers', () => {
  it.each([
    [`token is ${jwt}, it says`, 'token is [removed], it says'],
    [`data: ${base64(jwt)}`, 'data: [removed: private key]'],
    [`Authorization: Bearer abc123def456\r\nHost: a`, 'Authorization: [removed]\r\nHost: a'],
    [`> Proxy-Authorization: Basic bWU6c2VjcmV0`, '> Proxy-Authorization: [removed]'],
    [`"authorization":"Digest x=\\"y\\"","a":1`, '"authorization":"[removed]","a":1'],
    [`{\\"authorization\\": \\"Bearer x\\", \\"a\\"`, '{\\"authorization\\": \\"[removed]\\", \\"a\\"'],
    [`'proxy-authorization', 'Basic bWU6'`, "'proxy-authorization', '[removed]'"],
    [`{"key":"authorization","value":"Bearer x"}`, '{"key":"authorization","value":"[removed]"}'],
    [`map[Authorization:[Bearer x] Accept:[a]]`, 'map[Authorization:[[removed]] Accept:[a]]'],
    [`sent bearer abcdef0123456789 to`, 'sent bearer [removed] to'],
    [`-H "X: Basic bWU6c2VjcmV0"`, '-H "X: Basic [removed]"'],
    [`https_proxy=http://me:p@ss@10.0.0.1:3128/`, 'https_proxy=http://[removed]@10.0.0.1:3128/'],
    [`"http:\\/\\/me:pass@host\\/"`, '"http:\\/\\/[removed]@host\\/"'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });
});

describe('fields and variables', () => {
  it.each([
    ['token: abc\nuser: x', 'token: [removed]\nuser: x'],
    ['password: a, b\n', 'password: [removed]\n'],
    ['    client-key-data: LS0t\n', '    client-key-data: [removed]\n'],
    ['{"refresh_token": "a\\"b", "x": 1}', '{"refresh_token": "[removed]", "x": 1}'],
    ['["server", "--token", "abc"]', '["server", "--token", "[removed]"]'],
    ['k3s --token=abc --x', 'k3s --token=[removed] --x'],
    ['password: |\n  a\n  b\nuser: x\n', 'password: |\n    [removed]\nuser: x\n'],
    ['"DB_PASSWORD=a b",\n"PATH=/bin"', '"DB_PASSWORD=[removed]",\n"PATH=/bin"'],
    ['export API_KEY=abc; x', 'export API_KEY=[removed]; x'],
    ['- name: A_TOKEN\n  value: a b\n- name: B', '- name: A_TOKEN\n  value: [removed]\n- name: B'],
    [
      '  - name: A_SECRET\n    value: |-\n      a\n      b\n  - name: B\n    value: c\n',
      '  - name: A_SECRET\n    value: |-\n        [removed]\n  - name: B\n    value: c\n',
    ],
    ['{"name":"A_KEY","value":"a\\\\\\"b"},{"name"', '{"name":"A_KEY","value":"[removed]"},{"name"'],
    ['{\\"name\\":\\"A_KEY\\",\\"value\\":\\"ab\\"}', '{\\"name\\":\\"A_KEY\\",\\"value\\":\\"[removed]\\"}'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });
});

describe('what is no secret', () => {
  it.each([
    '[2026-11-22T15:47:25.644Z] "- - -" 0 - - - "-" 861 2085 8 - "-" "-" "-" "-" "10.42.0.5:3128" outbound|3128||my-company-proxy.com 10.42.0.7:43634 10.42.0.5:3128 10.42.0.7:43630 - -',
    '1795362440.797     12 10.42.0.6 TCP_TUNNEL/200 2061 CONNECT en.wikipedia.org:443 - HIER_DIRECT/10.42.0.4 -',
    'spiffe://cluster.local/ns/default/sa/sleep',
    'automountServiceAccountToken: true',
    'qps=100 burstTokens=10',
    '- serviceAccountToken:\n    audience: istio-ca\n    path: istio-token',
    'apiGroups: ["authentication.k8s.io", "authorization.k8s.io"]',
    'kind: AuthorizationPolicy\nmetadata:\n  name: x',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'Basic information about bearer authentication',
  ])('stays: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('is what is left: a second pass changes nothing', () => {
    const pieces = fc.constantFrom(
      ...pems,
      jwt,
      'token: ',
      'Authorization:[',
      '"',
      "'",
      '\n',
      'Bearer ',
      'A_KEY=',
      'x: ',
      '://a:b@',
      ' ',
      ']',
      base64(pems[1] ?? ''),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const once = redact(parts.join(''));
        expect(redact(once)).toBe(once);
      }),
    );
  });

  it('is passed quickly, also where it is long', () => {
    const start = performance.now();
    for (const unit of [
      'a',
      '-',
      'A_',
      'token',
      'eyJ',
      '"',
      '://',
      'name: A_KEY\n',
      ' \n',
      'authorization:"',
      'LS0tLS1C\n',
      '-----BEGIN PRIVATE KEY-----',
    ])
      redact(unit.repeat(300_000 / unit.length));
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

it("cuts out Squid's password for its parent", () => {
  const line = 'cache_peer p.example parent 3128 0 no-query login=me:pa%20ss';
  expect(redact(`${line}\nnever_direct allow all`)).toBe(
    'cache_peer p.example parent 3128 0 no-query login=[removed]\nnever_direct allow all',
  );
  expect(redact(JSON.stringify({ conf: `${line}\n` }))).not.toContain('pa%20ss');
});

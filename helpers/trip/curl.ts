import { jsonIn } from '../errors.ts';
import { z } from 'zod';
import { formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';
import { type ClientStatement } from './statements.ts';

/** curl's `--write-out`: all its figures as one JSON object on stderr, so that stdout is the page alone. */
export const writeOut = '%{stderr}%{json}';

/** curl's `--dump-header`: the headers of every answer, the proxy's included, before the page. */
export const dumpHeader = '-';

export interface CurlRun {
  /** Pod that ran curl, `namespace/name`. */
  readonly pod: string;
  readonly podIp: string;
  readonly command: string;
  /** The process's exit code; undefined when it is not known (the exec broke off, or its deadline passed). */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Runner's clock, ms since the epoch: just before the exec was asked for, and when it was over. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** The exit code reported when the process's own is not known; curl has none below 0. */
export const unknownExitCode = -1;

/**
 * The figures used, by the names curl 7.75 to 8.16 give them (src/tool_writeout.c). What there was nothing to say
 * about is 0, '' or null there; anything missing or odd is read as such. `http_code` is `response_code`'s old name.
 */
const figures = z.object({
  exitcode: z.int().optional().catch(undefined),
  errormsg: z.string().nullish().catch(undefined),
  response_code: z.int().optional().catch(undefined),
  http_code: z.int().optional().catch(undefined),
  http_connect: z.int().catch(0),
  local_ip: z.string().catch(''),
  local_port: z.int().catch(0),
  remote_ip: z.string().catch(''),
  remote_port: z.int().catch(0),
  size_download: z.number().nonnegative().catch(0),
  time_total: z.number().nonnegative().catch(0),
});

/**
 * curl's account of a request. Never throws: a curl that was killed, or wrote no figures, gives a statement that
 * says so by its exit code, its error message and its missing addresses.
 */
export function clientStatement(run: CurlRun): ClientStatement {
  const { found, noise } = findFigures(run.stderr);
  const exitCode = run.exitCode ?? found?.exitcode ?? unknownExitCode;
  const proxyError = header(run.stdout, 'X-Squid-Error');
  const proxyAuthenticate = header(run.stdout, 'Proxy-Authenticate');
  return {
    witness: 'client',
    pod: run.pod,
    podIp: run.podIp,
    command: run.command,
    exitCode,
    errorMessage: exitCode === 0 ? '' : errorMessage(found?.errormsg ?? '', noise),
    local: endpoint(found?.local_ip, found?.local_port),
    remote: endpoint(found?.remote_ip, found?.remote_port),
    httpStatus: found?.response_code ?? found?.http_code ?? 0,
    connectStatus: found?.http_connect ?? 0,
    ...(proxyError === undefined ? {} : { proxyError }),
    ...(proxyAuthenticate === undefined ? {} : { proxyAuthenticate }),
    bytesDownloaded: found?.size_download ?? Buffer.byteLength(run.stdout),
    title: titleOf(run.stdout),
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    timeTotalMs: Math.round((found?.time_total ?? 0) * 1000),
  };
}

/** The first header of that name in the answers, which come before the page. */
function header(stdout: string, name: string): string | undefined {
  return new RegExp(`^(?:[^\\n<]*\\n)*?${name}: *([^\\r\\n]+)`, 'i').exec(stdout)?.[1];
}

/**
 * The last JSON object on stderr that has curl's figures, and the rest of stderr. `%{stderr}` shares the stream with
 * curl's own messages, which carry no newline before the JSON in every version, and with those of whatever ran curl.
 */
function findFigures(stderr: string): {
  readonly found: z.infer<typeof figures> | undefined;
  readonly noise: string;
} {
  for (let start = stderr.lastIndexOf('{'); start >= 0; start = stderr.lastIndexOf('{', start - 1)) {
    for (let end = stderr.lastIndexOf('}'); end > start; end = stderr.lastIndexOf('}', end - 1)) {
      const value = jsonIn(stderr.slice(start, end + 1));
      if (typeof value !== 'object' || value === null || !('http_connect' in value)) continue;
      const parsed = figures.safeParse(value);
      if (parsed.success)
        return { found: parsed.data, noise: stderr.slice(0, start) + stderr.slice(end + 1) };
    }
    if (start === 0) break;
  }
  return { found: undefined, noise: stderr };
}

/** curl's own message, else the last line on stderr. */
function errorMessage(own: string, noise: string): string {
  if (own !== '') return own;
  return noise.trim().split('\n').at(-1)?.trim() || 'no message; curl wrote no figures either';
}

function endpoint(ip = '', port = 0): Endpoint | undefined {
  return ip === '' ? undefined : parseEndpoint(formatEndpoint({ ip, port }));
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  ndash: '–',
  mdash: '—',
  hellip: '…',
};

/**
 * The text of a page's title as the document takes it, `grep -o "<title>.*</title>"`: the first one on one line, in
 * lower case, without attributes. Undefined when the page has none. The common entities are decoded.
 */
export function titleOf(page: string): string | undefined {
  // Like grep, `.` stops at the end of the line; unlike grep, the first closing tag ends the title.
  const text = /<title>(.*?)<\/title>/.exec(page)?.[1];
  return text === undefined ? undefined : decodeEntities(text);
}

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g,
    (whole: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name] ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

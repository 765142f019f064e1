import { describe, expect, it } from 'vitest';
import { causes } from '../causes/causes.ts';
import { correlate } from './correlate.ts';
import { noSidecar, origin, proxy, sidecar } from './expectations.ts';
import './matchers.ts';
import {
  client,
  cluster,
  lines,
  observation,
  originLine,
  soundTrip,
  title,
} from '../../tests/samples/trip.ts';
import type { Trip } from './statements.ts';

const tunnel = proxy({ result: 'TCP_TUNNEL/200', peer: '10.42.0.4' });
const logs = (changes: object): Trip =>
  correlate(observation({ lines: { ...observation().lines, ...changes } }));

/** The message of the failure that `assertion` must be. */
function failure(assertion: () => void): string {
  try {
    assertion();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('the matcher passed');
}

const crossed = (trip: Trip): string =>
  failure(() => {
    expect(trip).toHaveCrossed(sidecar({ cluster }), tunnel, origin({ status: 200 }));
  });

describe('toHaveTitle', () => {
  it('passes on the title', () => {
    expect(soundTrip()).toHaveTitle(title);
  });

  it.each<[string, Trip, readonly string[]]>([
    [
      'another title',
      soundTrip({ client: client({ title: 'Blocked' }) }),
      ['TITLE_DIFFERS', '"Blocked"', `"${title}"`],
    ],
    ['no title', soundTrip({ client: client({ title: undefined }) }), ['TITLE_MISSING', `"${title}"`]],
    ['an error page', soundTrip({ client: client({ httpStatus: 429 }) }), ['HTTP_STATUS', '429']],
    [
      'a failed client',
      soundTrip({
        client: client({ exitCode: 60, errorMessage: 'self-signed certificate', title: undefined }),
      }),
      ['TLS_UNTRUSTED', 'self-signed certificate'],
    ],
  ])('fails on %s', (_what, trip, words) => {
    const message = failure(() => {
      expect(trip).toHaveTitle(title);
    });
    for (const word of words) expect(message).toContain(word);
    expect(message).toMatch(/why[^]*do[^]*client +sidecar +proxy +origin/);
  });
});

describe('toHaveCrossed', () => {
  it('passes on a sound trip', () => {
    expect(soundTrip()).toHaveCrossed(sidecar({ cluster }), tunnel, origin({ status: 200 }));
    expect(logs({ sidecar: undefined })).toHaveCrossed(noSidecar(), tunnel);
  });

  /** Every check once, broken: what it is called, and what the message must name. */
  it.each<[string, Trip, keyof typeof causes, readonly string[]]>([
    ['no sidecar statement', logs({ sidecar: [] }), 'NO_SIDECAR_STATEMENT', ['accessLogFile', '— nothing —']],
    ['no proxy statement', logs({ proxy: [] }), 'NO_PROXY_STATEMENT', ['— nothing —']],
    ['no origin statement', logs({ origin: [] }), 'NO_ORIGIN_STATEMENT', ['— nothing —']],
    [
      'two origin statements',
      logs({ origin: [originLine(), originLine({ remote_port: '2' })] }),
      'DUPLICATE_STATEMENT',
      ['2 lines'],
    ],
    [
      'the client connected elsewhere',
      soundTrip({ client: client({ remote: { ip: '10.42.0.5', port: 3129 } }) }),
      'WENT_ROUND_PROXY',
      ['10.42.0.5:3129', '≠'],
    ],
    [
      'client.local is not sidecar.downstreamRemote',
      soundTrip({ client: client({ local: { ip: '10.42.0.7', port: 1 } }) }),
      'ADDRESSES_DISAGREE',
      ['10.42.0.7:43630', '10.42.0.7:1', '≠'],
    ],
    [
      'sidecar.downstreamLocal is not via',
      logs({
        sidecar: [lines.sidecar.replace('10.42.0.5:3128 10.42.0.7:43630', '10.42.0.9:3128 10.42.0.7:43630')],
      }),
      'ADDRESSES_DISAGREE',
      ['10.42.0.9:3128'],
    ],
    [
      'sidecar.upstreamHost is not via',
      logs({ sidecar: [lines.sidecar.replace('"10.42.0.5:3128"', '"10.42.0.9:3128"')] }),
      'WRONG_UPSTREAM',
      ['upstream host 10.42.0.9:3128'],
    ],
    [
      'another cluster',
      logs({ sidecar: [lines.sidecar.replace('my-company', 'other')] }),
      'WRONG_CLUSTER',
      ['other-proxy.com', cluster],
    ],
    [
      'the passthrough cluster',
      logs({ sidecar: [lines.passthrough] }),
      'PASSTHROUGH',
      ['ServiceEntry', 'PassthroughCluster', cluster],
    ],
    [
      'an HTTP listener',
      logs({ sidecar: [lines.sidecar.replace('"- - -" 0', '"CONNECT - HTTP/1.1" 200')] }),
      'LISTENER_SPEAKS_HTTP',
      ['CONNECT - HTTP/1.1', 'TCP'],
    ],
    [
      'other bytes',
      logs({ proxy: [lines.proxy.replace(' 2085 ', ' 2061 ')] }),
      'BYTES_DISAGREE',
      ['2085', '2061', '≠ 2061'],
    ],
    [
      "the proxy's client is not the pod",
      { ...soundTrip(), proxy: soundTrip().proxy?.map((line) => ({ ...line, clientIp: '10.42.0.6' })) },
      'ADDRESSES_DISAGREE',
      ['10.42.0.6', '≠'],
    ],
    [
      "the proxy's target is not the URL's",
      {
        ...soundTrip(),
        proxy: soundTrip().proxy?.map((line) => ({ ...line, target: 'en.wikipedia.org:444' })),
      },
      'ADDRESSES_DISAGREE',
      ['en.wikipedia.org:444'],
    ],
    [
      'another result',
      logs({ proxy: [lines.proxy.replace('TCP_TUNNEL/200', 'TCP_DENIED/403')] }),
      'PROXY_DENIED',
      ['TCP_DENIED/403'],
    ],
    [
      'another peer',
      logs({ proxy: [lines.proxy.replace('10.42.0.4', '10.42.0.9')] }),
      'ADDRESSES_DISAGREE',
      ['10.42.0.9', '10.42.0.4'],
    ],
    [
      'the origin saw another proxy',
      logs({ origin: [originLine({ remote_addr: '10.42.0.9' })] }),
      'ADDRESSES_DISAGREE',
      ['10.42.0.9', '10.42.0.5'],
    ],
    [
      'the origin saw the client',
      logs({ origin: [originLine({ remote_addr: '10.42.0.7' })] }),
      'WENT_ROUND_PROXY',
      ['client itself'],
    ],
    ["the origin's status", logs({ origin: [originLine({ status: '404' })] }), 'HTTP_STATUS', ['404']],
    [
      "the origin's bytes",
      logs({ origin: [originLine({ body_bytes_sent: '211' })] }),
      'BYTES_DISAGREE',
      ['211', '212'],
    ],
    [
      "the proxy's time",
      { ...soundTrip(), proxy: soundTrip().proxy?.map((line) => ({ ...line, elapsedMs: 90 })) },
      'TIMES_DISAGREE',
      ['before'],
    ],
    [
      'only an older line',
      logs({ proxy: [lines.proxy.replace('1795362445', '1795362400')] }),
      'STALE_ONLY',
      ['1795362400.652'],
    ],
    ['a foreign log', logs({ sidecar: ['[2026-11-22T15:47:25.644Z] odd'] }), 'SIDECAR_LOG_FORMAT', ['odd']],
    [
      'an ambiguity',
      soundTrip({
        ambiguities: [{ witness: 'proxy', rivals: ['trip-2'], lines: [lines.proxy], harmless: false }],
      }),
      'AMBIGUOUS',
      ['trip-2'],
    ],
    [
      'a failed client',
      soundTrip({ client: client({ exitCode: 28, errorMessage: 'Operation timed out' }) }),
      'DESTINATION_SLOW',
      ['timed out'],
    ],
    [
      'a client without figures',
      soundTrip({ client: client({ local: undefined, remote: undefined }) }),
      'CLIENT_SILENT',
      ['remote address'],
    ],
  ])('fails on %s', (_what, trip, cause, words) => {
    const message = crossed(trip);
    expect(message.split('\n')[0]).toBe(`${cause}: ${causes[cause].title}`);
    for (const word of ['seen', 'expected', 'why', 'do', ...words]) expect(message).toContain(word);
    expect(message).toMatch(/client +sidecar +proxy +origin/);
  });

  it('fails on a sidecar that must not be', () => {
    expect(
      failure(() => {
        expect(soundTrip()).toHaveCrossed(noSidecar(), tunnel);
      }),
    ).toMatch(/^SIDECAR_UNEXPECTED/);
  });

  it('fails on a log that was not followed', () => {
    expect(
      failure(() => {
        expect(logs({ proxy: undefined })).toHaveCrossed(tunnel);
      }),
    ).toContain('not followed');
  });

  it('gives the findings and the trip as data', () => {
    const trip = logs({ proxy: [] });
    let caught: unknown;
    try {
      expect(trip).toHaveCrossed(tunnel);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({
      __vitest_error_context__: {
        assertionName: 'toHaveCrossed',
        meta: { findings: [{ cause: 'NO_PROXY_STATEMENT' }], trip },
      },
    });
  });

  it('can be negated', () => {
    expect(logs({ proxy: [] })).not.toHaveCrossed(tunnel);
    expect(
      failure(() => {
        expect(soundTrip()).not.toHaveCrossed(tunnel);
      }),
    ).toContain('which it must not');
  });

  it('takes nothing but trips, and something to expect of each witness once', () => {
    expect(() => {
      expect(undefined).toHaveCrossed(tunnel);
    }).toThrow(/for trips/);
    expect(() => {
      expect({}).toHaveTitle(title);
    }).toThrow(/for trips/);
    expect(() => {
      expect(soundTrip()).toHaveCrossed(tunnel, tunnel);
    }).toThrow(/one expectation a witness/);
    expect(() => {
      expect(soundTrip()).toHaveCrossed(sidecar({ cluster }), noSidecar());
    }).toThrow(/one expectation a witness/);
    const none: readonly [] = [];
    expect(() => {
      // @ts-expect-error: the types ask for one as well
      expect(soundTrip()).toHaveCrossed(...none);
    }).toThrow(/at least one expectation/);
  });
});

describe('toBeDiagnosedAs', () => {
  it('passes on the first cause alone', () => {
    const trip = logs({ sidecar: [lines.passthrough], proxy: [] });
    expect(trip).toBeDiagnosedAs('PASSTHROUGH', sidecar({ cluster }), tunnel);
    expect(
      failure(() => {
        expect(trip).toBeDiagnosedAs('NO_PROXY_STATEMENT', sidecar({ cluster }), tunnel);
      }),
    ).toContain('PASSTHROUGH');
    expect(
      failure(() => {
        expect(soundTrip()).toBeDiagnosedAs('PASSTHROUGH');
      }),
    ).toContain('nothing wrong');
    expect(
      failure(() => {
        expect(trip).not.toBeDiagnosedAs('PASSTHROUGH', sidecar({ cluster }));
      }),
    ).toContain('another first cause');
  });
});

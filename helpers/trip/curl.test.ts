import { describe, expect, it } from 'vitest';
import { clientStatement, type CurlRun, titleOf, unknownExitCode } from './curl.ts';
import { containing } from '../../tests/samples/trip.ts';
import fc from 'fast-check';

/** Written by curl 7.88.1, shortened; 8.x has more keys of the same kind. */
const figures = {
  certs: 'Subject:CN = {odd}\n',
  content_type: 'text/html',
  errormsg: null,
  exitcode: 0,
  http_code: 200,
  http_connect: 200,
  local_ip: '10.42.0.7',
  local_port: 43630,
  remote_ip: '10.42.0.5',
  remote_port: 3128,
  response_code: 200,
  scheme: 'HTTPS',
  size_download: 212,
  time_total: 0.009431,
  url: 'https://en.wikipedia.org/wiki/Main_Page',
  curl_version: 'libcurl/7.88.1',
};
const run: CurlRun = {
  pod: 'default/sleep',
  podIp: '10.42.0.7',
  command: 'curl',
  exitCode: 0,
  stdout: '<html><head><title>Wikipedia, the free encyclopedia</title></head></html>',
  stderr: JSON.stringify(figures),
  startedAt: 1000,
  endedAt: 1100,
};
const stderr = (changes: object): string => JSON.stringify({ ...figures, ...changes });

describe('clientStatement', () => {
  it("takes curl's figures and the page's title", () => {
    expect(clientStatement(run)).toEqual({
      witness: 'client',
      pod: 'default/sleep',
      podIp: '10.42.0.7',
      command: 'curl',
      exitCode: 0,
      errorMessage: '',
      local: { ip: '10.42.0.7', port: 43630 },
      remote: { ip: '10.42.0.5', port: 3128 },
      httpStatus: 200,
      connectStatus: 200,
      bytesDownloaded: 212,
      title: 'Wikipedia, the free encyclopedia',
      startedAt: 1000,
      endedAt: 1100,
      timeTotalMs: 9,
    });
  });

  it('finds them in the noise', () => {
    const noise = `  % Total {"a":1}\ncurl: (56) CONNECT tunnel failed, response 403\n${stderr({ exitcode: 56, http_connect: 403, response_code: 0, errormsg: 'CONNECT tunnel failed, response 403' })}command terminated with exit code 56 {}\n`;
    expect(clientStatement({ ...run, exitCode: 56, stdout: '', stderr: noise })).toMatchObject({
      exitCode: 56,
      errorMessage: 'CONNECT tunnel failed, response 403',
      connectStatus: 403,
      httpStatus: 0,
      title: undefined,
      local: { ip: '10.42.0.7', port: 43630 },
    });
  });

  it('has no addresses where no connection was made', () => {
    const text = stderr({
      exitcode: 7,
      local_ip: '',
      local_port: 0,
      remote_ip: '',
      remote_port: 0,
      errormsg: 'Failed to connect',
    });
    expect(clientStatement({ ...run, exitCode: 7, stderr: text })).toMatchObject({
      local: undefined,
      remote: undefined,
      exitCode: 7,
    });
  });

  it("takes curl's exit code when the process's is not known, and IPv6", () => {
    const text = stderr({
      exitcode: 28,
      errormsg: 'Operation timed out',
      local_ip: '2001:db8::7',
      remote_ip: '2001:db8::5',
    });
    expect(clientStatement({ ...run, exitCode: undefined, stderr: text })).toMatchObject({
      exitCode: 28,
      local: { ip: '2001:db8::7', port: 43630 },
    });
  });

  it('says that a killed curl said nothing', () => {
    expect(clientStatement({ ...run, exitCode: 137, stdout: '', stderr: '' })).toMatchObject({
      exitCode: 137,
      errorMessage: containing('no figures'),
      local: undefined,
      remote: undefined,
      bytesDownloaded: 0,
      connectStatus: 0,
    });
    expect(
      clientStatement({ ...run, exitCode: undefined, stdout: '', stderr: 'exec deadline of 30 s passed' }),
    ).toMatchObject({
      exitCode: unknownExitCode,
      errorMessage: 'exec deadline of 30 s passed',
    });
  });

  it('gives no figures of half a JSON, nor of other JSON', () => {
    for (const text of [stderr({}).slice(0, -1), '{"exitcode":0}', '[]', '{}']) {
      expect(clientStatement({ ...run, stderr: text })).toMatchObject({ local: undefined, connectStatus: 0 });
    }
  });

  it('takes odd figures for none', () => {
    expect(
      clientStatement({
        ...run,
        stderr: stderr({
          local_port: 'x',
          remote_ip: 7,
          response_code: null,
          http_code: 301,
          size_download: -1,
        }),
      }),
    ).toMatchObject({
      local: undefined,
      remote: undefined,
      httpStatus: 301,
      bytesDownloaded: 0,
    });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        fc.option(fc.integer(), { nil: undefined }),
        (text, exitCode) => {
          expect(clientStatement({ ...run, exitCode, stderr: text, stdout: text }).witness).toBe('client');
        },
      ),
    );
  });
});

describe('titleOf', () => {
  it.each([
    ['<html><title>Wikipedia, the free encyclopedia</title>', 'Wikipedia, the free encyclopedia'],
    ['<title>a</title><title>b</title>', 'a'],
    ['\n<head>\n<title>a</title>\n<svg><title>b</title></svg>', 'a'],
    ['<title></title>', ''],
    ['<title>Q &amp; A &lt;&#39;&#x201c;&quot;&gt; &mdash; &unknown;</title>', `Q & A <'“"> — &unknown;`],
    ['<title>&#0;&#x110000;</title>', '&#0;&#x110000;'],
  ])('finds the title of %j', (page, title) => {
    expect(titleOf(page)).toBe(title);
  });

  it.each(['', 'no page', '<title>open', '<title>\nof two lines</title>', '<TITLE>loud</TITLE>'])(
    'finds none in %j, as grep would not',
    (page) => {
      expect(titleOf(page)).toBeUndefined();
    },
  );
});

import { describe, expect, it } from 'vitest';
import { soundTrip } from '../../tests/samples/trip.ts';
import { redacted } from './redact.ts';
import { failedResult } from '../../tests/samples/results.ts';

describe('what goes into a report', () => {
  it('has no credentials, wherever they stood', () => {
    const step = failedResult('UNEXPLAINED', {
      reason: 'curl: proxy http://alice:hunter2@proxy:3128 refused',
      facts: { header: 'Proxy-Authorization: Basic YWxpY2U6aHVudGVyMg==' },
      findings: [{ cause: 'UNEXPLAINED', seen: 'PROXY_PASSWORD=hunter2', expected: 'no error' }],
    });
    const text = JSON.stringify(redacted({ steps: [step] }));
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('YWxpY2U6aHVudGVyMg');
    expect(text.match(/\[removed\]/g)).toHaveLength(3);
  });

  it('is otherwise as it was, log lines included', () => {
    const data = { trip: soundTrip(), counts: [1, null, true], none: undefined };
    expect(redacted(data)).toEqual(data);
  });
});

import { expect, test } from 'vitest';
import { captureOf, notCaptured } from './capture.ts';

/** As the injector of Istio 1.29.1 writes it. */
const usual = [
  ...['istio-iptables', '-p', '15001', '-z', '15006', '-u', '1337', '-m', 'REDIRECT'],
  ...['-i', '*', '-x', '', '-b', '*', '-d', '15090,15021,15020', '--log_output_level=default:info'],
];
const proxy = { ip: '10.42.0.11', port: 3128 };

function why(args: readonly string[], name = 'istio-init'): string | undefined {
  const capture = captureOf({ spec: { containers: [], initContainers: [{ name, args: [...args] }] } });
  return capture === undefined ? 'no capture' : notCaptured(capture, proxy);
}
const replaced = (flag: string, value: string): string[] =>
  usual.map((arg, index) => (usual[index - 1] === flag ? value : arg));

test('everything, as by default', () => {
  expect(why(usual)).toBeUndefined();
});

test('a network that holds the proxy is left out', () => {
  expect(why(replaced('-x', '192.168.0.0/16,10.42.0.0/16'))).toBe(
    'istio-init was told to leave 10.42.0.0/16 out (-x), which holds 10.42.0.11',
  );
  expect(why(replaced('-x', '192.168.0.0/16,fd00::/8'))).toBeUndefined();
});

test('the port is left out', () => {
  expect(why([...usual, '-o', '9000,3128'])).toBe('istio-init was told to leave port 3128 out (-o)');
  expect(why([...usual, '-o', '31280'])).toBeUndefined();
});

test('only other networks are captured, by the node agent', () => {
  expect(why(replaced('-i', '172.16.0.0/12'), 'istio-validation')).toBe(
    'istio-validation was told to capture only 172.16.0.0/12 (-i), which does not hold 10.42.0.11',
  );
  expect(why([...replaced('-i', '172.16.0.0/12'), '-q', '3128'])).toBeUndefined();
});

test('a pod without a sidecar', () => {
  expect(captureOf({ spec: { containers: [] } })).toBeUndefined();
});

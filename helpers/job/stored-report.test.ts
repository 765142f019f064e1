import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eachEntry } from '../images/tar-entries.ts';
import type { Kube } from '../kube/client.ts';
import type { Results } from '../results/results.ts';
import { storeReport } from './stored-report.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stored-report-'));
  await mkdir(join(folder, 'evidence/MESH-1'), { recursive: true });
  await mkdir(join(folder, 'report'));
  await writeFile(join(folder, 'results.json'), '{}');
  await writeFile(join(folder, 'junit.xml'), '<testsuites/>');
  await writeFile(join(folder, 'report/index.html'), '<title>Report</title>');
  await writeFile(join(folder, 'evidence/MESH-1/index.md'), '# MESH-1');
});

afterEach(() => rm(folder, { recursive: true }));

const run = { runId: '20261125-183440-1-d5b9', verdict: 'not conformant', cause: 'PASSTHROUGH' } as Results;

async function stored(): Promise<{ map: V1ConfigMap; files: string[]; without: string | undefined }> {
  const put: KubernetesObject[] = [];
  const kube = {
    objects: {
      patch: (object: KubernetesObject) => {
        put.push(object);
        return Promise.resolve(object);
      },
    },
  } as unknown as Kube;
  const without = await storeReport(kube, { namespace: 'conformance', name: 'report' }, run, folder);
  const map = put[0] as V1ConfigMap;
  const files: string[] = [];
  const bytes = Buffer.from(map.binaryData?.['report.tar.gz'] ?? '', 'base64');
  await eachEntry(Readable.from([bytes]).pipe(createGunzip()), (header, body) => {
    if (header.type === 'file') files.push(header.name);
    body.resume();
    return Promise.resolve();
  });
  return { map, files: files.sort(), without };
}

describe('a stored report', () => {
  it('says the verdict with its cause, and holds the whole folder', async () => {
    const { map, files, without } = await stored();
    expect(map.metadata).toMatchObject({ namespace: 'conformance', name: 'report' });
    expect(map.data).toEqual({ verdict: 'not conformant: PASSTHROUGH' });
    expect(files).toEqual(['evidence/MESH-1/index.md', 'junit.xml', 'report/index.html', 'results.json']);
    expect(without).toBeUndefined();
  });

  it('goes without evidence that does not fit, and says so', async () => {
    await writeFile(join(folder, 'evidence/MESH-1/envoy.json'), randomBytes(1_100_000));
    const { files, without } = await stored();
    expect(files).toEqual(['junit.xml', 'report/index.html', 'results.json']);
    expect(without).toBe('evidence');
  });

  it('holds at least the results', async () => {
    await writeFile(join(folder, 'report/index.html'), randomBytes(1_100_000));
    const { files, without } = await stored();
    expect(files).toEqual(['junit.xml', 'results.json']);
    expect(without).toBe('evidence and page');
  });
});

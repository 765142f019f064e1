import type { Results } from '../results.ts';
import { dateTime, roughBytes } from './format.ts';
import { Table } from './table.tsx';

/** What ran: each component's own word for its version, and the images by digest. */
export function Versions({ run: { versions, images } }: { readonly run: Results }) {
  return (
    <>
      <Table
        label="Versions"
        head={['Component', 'Version']}
        rows={Object.entries(versions).map(([name, version]) => [name, <code>{version}</code>])}
      />
      {images.length === 0 ? null : (
        <>
          <h3>Images</h3>
          <Table
            label="Images"
            head={['Role', 'Reference', 'Digest', 'From', 'Size']}
            numeric={[4]}
            rows={images.map(({ role, reference, digest, source, sizeBytes }) => [
              role,
              <code>{reference}</code>,
              <code class="digest">{digest}</code>,
              source,
              roughBytes(sizeBytes),
            ])}
          />
        </>
      )}
    </>
  );
}

/** What was asked for, and the machine it ran on. */
export function Particulars({ run }: { readonly run: Results }) {
  const { configuration, target, host, runId, startedAt, endedAt, exitCode } = run;
  return (
    <>
      <Table
        label="Configuration"
        head={['Option', 'Value']}
        rows={Object.entries(configuration).map(([name, value]) => [name, <code>{written(value)}</code>])}
      />
      <h3>Run</h3>
      <Table
        label="The run and its machine"
        head={['', '']}
        rows={[
          ['Run', <code>{runId}</code>],
          ['Began', dateTime(startedAt)],
          ['Ended', dateTime(endedAt)],
          ['Exit code', String(exitCode)],
          ...(target === undefined
            ? []
            : [['Destination', `${target.kind}, ${target.url}: ${target.because}`]]),
          [
            'Machine',
            `${host.os}, ${host.architecture}, ${host.cpus} CPUs, ${roughBytes(host.memoryBytes)} of memory`,
          ],
          ['Container engine', host.engine],
          ['Node.js', host.node],
        ]}
      />
    </>
  );
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

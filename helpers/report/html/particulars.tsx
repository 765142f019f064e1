import type { Results } from '../../results/results.ts';
import { written } from '../../text-table.ts';
import { dateTime, roughBytes } from './format.ts';
import { Pairs, Table } from './table.tsx';

/** What ran: each component's own word for its version, and the images by digest. */
export function Versions({ run: { versions, images } }: { readonly run: Results }) {
  return (
    <>
      <Pairs pairs={Object.entries(versions).map(([name, version]) => [name, <code>{version}</code>])} />
      {images.length === 0 ? null : (
        <>
          <h3>Images</h3>
          <Table
            label="Images"
            head={['Role', 'Reference and digest', 'From', 'Size']}
            numeric={[3]}
            rows={images.map(({ role, reference, digest, source, sizeBytes }) => [
              role,
              <>
                <code>{reference}</code>
                <br />
                <code class="digest">{digest}</code>
              </>,
              source,
              roughBytes(sizeBytes),
            ])}
          />
        </>
      )}
    </>
  );
}

/** The configuration of the mesh that the user gave, by name. */
function GivenConfiguration({ given }: { readonly given: NonNullable<Results['given']> }) {
  const { files, onTop, leftOut } = given;
  return (
    <>
      <h3>Your configuration</h3>
      <Table
        label="Your configuration"
        head={['File', 'What it is', 'Objects', 'Digest']}
        rows={files.map(({ file, kind, objects, digest }) => [
          <code>{file}</code>,
          kind,
          objects.join(', '),
          <code class="digest">{digest}</code>,
        ])}
      />
      <Pairs
        pairs={[
          ...(onTop.length === 0 ? [] : ([['Set on top', <code>{onTop.join(', ')}</code>]] satisfies Shown)),
          ...(leftOut.length === 0 ? [] : ([['Not used', leftOut.join('; ')]] satisfies Shown)),
        ]}
      />
    </>
  );
}

type Shown = Parameters<typeof Pairs>[0]['pairs'];

/** What was asked for, and the machine it ran on. */
export function Particulars({ run }: { readonly run: Results }) {
  const { configuration, target, notes = [], host, runId, startedAt, endedAt, exitCode } = run;
  return (
    <>
      <Pairs
        pairs={Object.entries(configuration).map(([name, value]) => [name, <code>{written(value)}</code>])}
      />
      {run.given === undefined ? null : <GivenConfiguration given={run.given} />}
      <h3>Run</h3>
      <Pairs
        pairs={[
          ['Run', <code>{runId}</code>],
          ['Began', dateTime(startedAt)],
          ['Ended', dateTime(endedAt)],
          ['Exit code', String(exitCode)],
          ...(target === undefined
            ? []
            : ([['Destination', `${target.kind}, ${target.url}: ${target.because}`]] satisfies [
                string,
                string,
              ][])),
          ...notes.map((note): [string, string] => ['Note', note]),
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

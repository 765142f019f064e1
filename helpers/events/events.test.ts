import { afterEach, describe, expect, it, vi } from 'vitest';
import { silent } from '../progress/progress.ts';
import type { StepResult } from '../results/step.ts';
import { EventLines, eventProgress } from './event-lines.ts';
import {
  eventSchema,
  eventsSchema,
  type Happening,
  events,
  keepStdoutForEvents,
  type Events,
} from './events.ts';

function listening(): { readonly seen: Happening[]; readonly events: Events } {
  const seen: Happening[] = [];
  return { seen, events: { run: undefined, emit: (happening) => seen.push(happening) } };
}

const step: StepResult = {
  id: 'MESH-1',
  pass: 2,
  title: 'The entry',
  section: 'controls',
  command: '',
  status: 'failed',
  reason: 'why',
  durationMs: 5,
  findings: [{ cause: 'BLACKHOLE', seen: 'this', expected: 'that' }],
  facts: {},
  trips: [],
  evidence: 'evidence/MESH-1',
};

describe('docs/events.schema.json', () => {
  it('is what the code says', async () => {
    await expect(`${JSON.stringify(eventsSchema(), null, 2)}\n`).toMatchFileSnapshot(
      '../../docs/events.schema.json',
    );
  });
});

describe('what happens', () => {
  it('is an event for each step, with its cause, and one for its evidence', () => {
    const { seen, events } = listening();
    const told: string[] = [];
    const lines = new EventLines(
      { step: ({ id }) => told.push(id), passEnd: () => undefined },
      events,
      '/reports/run-1',
    );
    lines.passBegin('pass 2 of 3');
    lines.step(step);
    lines.step({ ...step, status: 'passed', findings: [], reason: '', evidence: '' });
    lines.passEnd();
    expect(told).toEqual(['MESH-1', 'MESH-1']);
    expect(seen).toMatchObject([
      { type: 'phase-started', title: 'pass 2 of 3' },
      { type: 'step-ended', id: 'MESH-1', pass: 2, status: 'failed', cause: 'BLACKHOLE', reason: 'why' },
      { type: 'evidence', step: 'MESH-1', folder: '/reports/run-1/evidence/MESH-1' },
      { type: 'step-ended', status: 'passed' },
      { type: 'phase-ended', title: 'pass 2 of 3', status: 'passed' },
    ]);
    expect(seen[3]).not.toHaveProperty('cause');
    const time = '2026-11-25T18:00:00.000Z';
    for (const one of seen) eventSchema.parse({ ...one, time, runId: 'run-1' });
  });

  it('covers long work, also work that fails', async () => {
    const { seen, events } = listening();
    const progress = eventProgress(silent, events);
    progress.note('  images: source');
    await expect(progress.phase('Cluster', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(seen).toMatchObject([
      { type: 'note', text: 'images: source' },
      { type: 'phase-started', title: 'Cluster' },
      { type: 'phase-ended', title: 'Cluster', status: 'failed' },
    ]);
  });
});

describe('the stream', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('has stdout to itself once it was asked for, and cuts credentials out', () => {
    const out: string[] = [];
    const err: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
    events.emit({ type: 'note', text: 'before' });
    keepStdoutForEvents();
    process.stdout.write('for people\n');
    events.run = 'run-1';
    events.emit({ type: 'note', text: 'http://ada:secret@proxy:3128' });
    events.run = undefined;
    expect(err).toEqual(['for people\n']);
    expect(out).toHaveLength(1);
    expect(out[0]).not.toContain('secret');
    expect(eventSchema.parse(JSON.parse(out[0] ?? ''))).toMatchObject({ type: 'note', runId: 'run-1' });
  });
});

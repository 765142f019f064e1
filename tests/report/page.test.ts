import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { pageOf } from '../../helpers/report/html/page.tsx';
import type { Results } from '../../helpers/results/results.ts';
import type { StepResult } from '../../helpers/results/step.ts';
import { formatEndpoint } from '../../helpers/trip/endpoint.ts';
import type { Trip } from '../../helpers/trip/statements.ts';
import { browserOfTests } from './browser.ts';
import { fixture, fixtureNames } from './fixtures.ts';
import { contradicted, redGate, unstable } from './samples.ts';

const open = browserOfTests();

function article(page: Page, id: string): Locator {
  return page.locator(`article.step:has(.step-id:text-is("${id}"))`);
}

// A gate has other sections, and tests of its own below.
describe.each(fixtureNames.filter((name) => name !== 'gate'))('the page of the run %s', (name) => {
  const run = fixture(name);

  it('begins with the verdict, and says what it is about', async () => {
    await using opened = await open(await pageOf(run));
    const { page } = opened;
    const { verdict, versions, steps, cause } = run;
    const passed = steps.filter(({ status }) => status === 'passed').length;
    const said = verdict === 'conformant' ? 'Conformant' : 'Not conformant';
    expect(await page.locator('h1').allInnerTexts()).toEqual([said]);
    expect(await page.title()).toBe(`${said} · ${run.runId}`);
    const head = page.locator('.verdict');
    expect(await head.innerText()).toContain(`Istio ${versions['istiod'] ?? ''} · Kubernetes`);
    expect(await head.innerText()).toContain(`${passed} passed, `);
    expect((await head.locator('.failure').count()) > 0).toBe(verdict !== 'conformant');
    if (cause !== undefined)
      expect(await head.locator('.failure .cause').first().innerText()).toContain(cause);
    const first = await page.evaluate<string>("document.querySelector('main').firstElementChild.className");
    expect(first).toMatch(/^verdict /);
  });

  it('has every step in its section, with its state and how long it took', async () => {
    await using opened = await open(await pageOf(run));
    const told = await opened.page.evaluate<[string, string, string, string][]>(`
      [...document.querySelectorAll('article.step')].map((one) => {
        const text = (selector) => one.querySelector(selector)?.textContent.trim() ?? '';
        const section = one.closest('.group')?.querySelector('h3')?.textContent ?? '';
        return [text('.step-id'), text('.step-line .mark .unseen'), text('.took'), section.toLowerCase()];
      })`);
    const wanted = run.steps.map(({ id, status, durationMs, section }) => [
      id,
      status,
      status === 'skipped' ? '' : timeLike(durationMs),
      section.replaceAll('-', ' ').toLowerCase(),
    ]);
    expect(told).toEqual(wanted);
  });

  it('draws each request once, with the addresses, ports and bytes that its witnesses gave', async () => {
    await using opened = await open(await pageOf(run));
    const drawn = new Set<string>();
    for (const step of run.steps) {
      const texts = await article(opened.page, step.id).locator('svg.trip.wide').allTextContents();
      const expected = step.trips.filter(
        ({ id }) => !drawn.has(id) || (step.status === 'failed' && !failedBefore(run, step, id)),
      );
      for (const { id } of step.trips) drawn.add(id);
      expect(texts, step.id).toHaveLength(expected.length);
      expected.forEach((trip, index) => {
        for (const fact of factsOf(trip)) expect(texts[index], `${step.id} ${trip.id}`).toContain(fact);
      });
    }
  });

  it('keeps what the witnesses said one click away, word for word', async () => {
    await using opened = await open(await pageOf(run));
    const step =
      run.steps.find(({ trips }) => (trips[0]?.sidecar?.length ?? 0) > 0) ??
      run.steps.find(({ trips }) => trips.length > 0);
    const [trip] = step?.trips ?? [];
    if (step === undefined || trip === undefined) throw new Error('a fixture without a request');
    const details = article(opened.page, step.id).locator('.trip-figure details').first();
    const lines = [...(trip.sidecar ?? []), ...(trip.proxy ?? []), ...(trip.origin ?? [])].map(
      ({ line }) => line,
    );
    const said = details.getByText(lines[0] ?? '', { exact: true });
    expect(await said.isVisible()).toBe(false);
    await details.locator('summary').click();
    expect(await said.isVisible()).toBe(true);
    const shown = await details.locator('pre').allTextContents();
    expect(shown).toEqual(expect.arrayContaining([trip.client.command, ...lines]));
  });

  it('has versions, images by digest, and links to its own parts alone', async () => {
    await using opened = await open(await pageOf(run));
    const text = await opened.page.locator('#versions').innerText();
    for (const version of Object.values(run.versions)) expect(text).toContain(version);
    for (const { digest, reference } of run.images) {
      expect(text).toContain(digest);
      expect(text).toContain(reference);
    }
    const broken = await opened.page.evaluate<string[]>(
      "[...document.querySelectorAll('a[href^=\"#\"]')].map((one) => one.getAttribute('href')).filter((href) => document.querySelectorAll('[id=\"' + href.slice(1) + '\"]').length !== 1)",
    );
    expect(broken).toEqual([]);
  });

  it('shows the run’s time to scale', async () => {
    await using opened = await open(await pageOf(run));
    const [phase] = run.phases;
    if (phase === undefined) throw new Error('a fixture without a phase');
    const row = opened.page.locator('.time-line li', { hasText: phase.title }).first();
    const track = await row.locator('.track').boundingBox();
    const bar = await row.locator('.bar').first().boundingBox();
    if (track === null || bar === null) throw new Error('not drawn');
    const from = (Date.parse(phase.startedAt) - Date.parse(run.startedAt)) / run.durationMs;
    expect((bar.x - track.x) / track.width).toBeCloseTo(from, 2);
    expect(bar.width / track.width).toBeCloseTo(phase.durationMs / run.durationMs, 2);
    const titles = await opened.page.locator('.time-line .title').allTextContents();
    expect(titles).toEqual(expect.arrayContaining(run.phases.map(({ title }) => title)));
    expect(titles).toContain('Deploy an HTTPS proxy');
  });
});

describe('what is wrong', () => {
  it('is drawn in red where a witness is silent, and only where the step failed', async () => {
    await using opened = await open(await pageOf(fixture('bypass')));
    const { page } = opened;
    const failed = article(page, 'CONTROL-1').locator('svg.trip.wide');
    expect(await failed.locator('.hop.fault .name').allTextContents()).toEqual(['✗ Sidecar']);
    expect(await failed.getAttribute('aria-label')).toContain('Sidecar: no statement (missing)');
    expect(await colour(page, '#step-control-1 svg.trip.wide .hop.fault rect', 'stroke')).toBe(
      await toneOf(page, '--bad'),
    );
    // MESH-2 asks for the page alone.
    const passed = article(page, 'MESH-2').locator('svg.trip.wide');
    expect(await passed.locator('.hop.silent').count()).toBe(1);
    expect(await passed.locator('.fault').count()).toBe(0);
  });

  it('is drawn in red where two witnesses contradict each other, with what both said', async () => {
    await using opened = await open(await pageOf(contradicted()));
    const figure = article(opened.page, 'MESH-4').locator('svg.trip.wide');
    const wrong = figure.locator('text.contradicted.fault');
    expect(await wrong.allTextContents()).toEqual(['2085 ≠ 999 B ≠']);
    expect(await colour(opened.page, '#step-mesh-4 svg.trip.wide text.fault', 'fill')).toBe(
      await toneOf(opened.page, '--bad'),
    );
    expect(await figure.locator('.edge.fault').count()).toBe(1);
  });

  it('appears once at the top, with links to every step that failed of it', async () => {
    const run = fixture('bypass');
    await using opened = await open(await pageOf(run));
    const failures = opened.page.locator('.verdict .failure');
    const causes = await failures.locator('.cause code').allTextContents();
    expect(causes.filter((cause) => cause === 'NOT_CAPTURED')).toHaveLength(1);
    const linked = await failures.locator('a[href^="#"]').allTextContents();
    expect(linked.sort()).toEqual(
      run.steps.flatMap(({ id, status }) => (status === 'failed' ? [id] : [])).sort(),
    );
  });
});

describe('the page of a gate', () => {
  const run = redGate();

  it('answers whether the upgrade may go out, and where it failed', async () => {
    await using opened = await open(await pageOf(run));
    expect(await opened.page.locator('h1').innerText()).toBe('The upgrade 1.28.3 → 1.29.1 must not go out');
    expect(await opened.page.locator('.failed-step').innerText()).toBe(
      'RESTART-1 restart (Upgrade: 1.29.1 as a canary)',
    );
  });

  it('plots the traffic, and marks what the upgrade did at its time', async () => {
    await using opened = await open(await pageOf(run));
    const plot = opened.page.locator('svg.plot.wide');
    expect(await plot.locator('.moment text').allTextContents()).toEqual(['1', '2', '3']);
    expect(await plot.locator('.moment.failed text').allTextContents()).toEqual(['3']);
    expect(await plot.locator('.letter').allTextContents()).toEqual(['A', 'B', 'C']);
    expect(await plot.locator('.broken').count()).toBeGreaterThan(0);
    const band = await plot.locator('.band').nth(1).boundingBox();
    const moment = await plot.locator('.moment circle').first().boundingBox();
    if (band === null || moment === null) throw new Error('not drawn');
    // Half a second into a phase of twenty.
    expect((moment.x + moment.width / 2 - band.x) / band.width).toBeCloseTo(0.5 / 20, 2);
    const legend = await opened.page.locator('.legends').innerText();
    expect(legend).toContain('RESTART-1 restart failed');
  });

  it('of a real one has every operation marked, every phase and every step', async () => {
    const real = fixture('gate');
    await using opened = await open(await pageOf(real));
    const { page } = opened;
    expect(await page.locator('h1').innerText()).toBe('The upgrade 1.28.3 → 1.29.1 may go out');
    const operations = real.steps.filter(({ id }) => /^(UPGRADE|RESTART)-/.test(id));
    const legend = await page.locator('.legends').innerText();
    for (const { id, title } of operations) expect(legend).toContain(`${id} ${title}`);
    expect(await page.locator('svg.plot.wide .moment').count()).toBe(operations.length);
    const phases = page.getByRole('region', { name: 'Phases of the gate' });
    expect(await phases.getByRole('rowheader').allInnerTexts()).toEqual(
      (real.gate?.phases ?? []).map(({ title }) => title),
    );
    expect(await page.locator('article.step').count()).toBe(real.steps.length);
  });

  it('has the traffic’s account as a table, what was refused in red', async () => {
    await using opened = await open(await pageOf(run));
    const table = opened.page.getByRole('region', { name: 'Live traffic by client' });
    for (const client of run.gate?.traffic?.clients ?? []) {
      const row = table.getByRole('row', { name: `${client.workload} ${client.kind}` });
      const cells = await row.getByRole('cell').allInnerTexts();
      const refused = client.refused === 0 ? '0' : `✗ ${client.refused}`;
      expect(cells.slice(0, 3)).toEqual([
        client.opened.toLocaleString('en'),
        client.completed.toLocaleString('en'),
        refused,
      ]);
    }
    expect(await table.locator('strong.bad').count()).toBeGreaterThan(0);
    expect(await opened.page.locator('.events').innerText()).toContain('Proxy CONNECT aborted');
  });

  it('has the phases beside each other, and the differences by what they mean', async () => {
    await using opened = await open(await pageOf(run));
    const { page } = opened;
    const head = await page
      .getByRole('region', { name: 'The document’s steps in each phase' })
      .getByRole('columnheader')
      .allInnerTexts();
    expect(head.slice(-2)).toEqual(['Document on 1.28.3', 'Document on 1.29.1']);
    const red = page.getByRole('region', { name: /^Red and new differences/ });
    expect(await red.getByRole('rowheader').allInnerTexts()).toEqual([
      'step: MESH-2',
      'config: cluster /type',
    ]);
    expect(await page.getByText('version: istiod').isVisible()).toBe(false);
    await page.getByText('1 expected difference').click();
    expect(await page.getByText('version: istiod').isVisible()).toBe(true);
  });
});

it('the page of several passes has each step’s figures, and shows the pass that failed', async () => {
  await using opened = await open(await pageOf(unstable()));
  const { page } = opened;
  expect(await page.locator('h1').innerText()).toBe('Unstable');
  const row = page
    .getByRole('region', { name: /^Figures of each step/ })
    .getByRole('row')
    .nth(1);
  expect(await row.getByRole('cell').allInnerTexts()).toEqual([
    'the page arrives',
    '2 of 3',
    '66.6 %',
    '100ms',
    '200ms',
    '300ms',
  ]);
  expect(await page.locator('details.fold[open] h3').allInnerTexts()).toEqual(['Pass 2']);
  expect(await page.locator('#steps').innerText()).toContain(
    '1 pass in which every step passed is not shown',
  );
});

/** A picture must hold these, wherever it puts them. */
function factsOf({ client, sidecar, proxy, origin }: Trip): string[] {
  const [line] = sidecar ?? [];
  const [squid] = proxy ?? [];
  const [page] = origin ?? [];
  return [
    ...[client.local, client.remote].flatMap((end) => (end === undefined ? [] : [formatEndpoint(end)])),
    ...[line?.upstreamLocal, line?.upstreamHost].flatMap((end) =>
      end === undefined ? [] : [formatEndpoint(end)],
    ),
    ...(line === undefined ? [] : [`${line.bytesSent.toLocaleString('en')} B`]),
    ...(squid === undefined
      ? []
      : [`${squid.result}/${squid.status}`, `${squid.bytes.toLocaleString('en')} B`]),
    ...(page === undefined ? [] : [formatEndpoint(page.remote), `page ${page.bytes.toLocaleString('en')} B`]),
  ];
}

/** Whether a step before this one failed over the same request, and so has its picture. */
function failedBefore({ steps }: Results, step: StepResult, trip: string): boolean {
  const first = steps.find(({ trips }) => trips.some(({ id }) => id === trip));
  return first !== step && first?.status === 'failed';
}

/** `337ms`, `1.2s`, as the terminal has it. */
function timeLike(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${(Math.floor(ms / 100) / 10).toFixed(1).replace(/\.0$/, '')}s`;
}

function colour(page: Page, selector: string, property: string): Promise<string> {
  return page.evaluate<string>(
    `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`,
  );
}

async function toneOf(page: Page, name: string): Promise<string> {
  return page.evaluate<string>(`(() => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = 'var(${name})';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  })()`);
}

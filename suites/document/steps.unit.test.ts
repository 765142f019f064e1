import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { allEditions, defaultEdition } from '../../fixtures/document/editions.ts';
import type { Edition } from '../../helpers/document/edition.ts';
import { Fixtures, squidConfigurationOf, words } from './fixtures.ts';
import { clientObjects } from './prepare.ts';
import { withNeeds } from './step.ts';
import { planOf } from '../../helpers/session/proxy.ts';
import {
  allSteps,
  controlSteps,
  documentSteps,
  documentStepsOf,
  everyStep,
  judgedSteps,
  stepsFor,
} from '../steps.ts';
import { traceability, traceabilityFile } from './traceability.ts';

const textOf = (edition: Edition): Promise<string> => new Fixtures(edition).text('document/page.txt');
const squeeze = (text: string): string => text.replace(/\s+/g, ' ');

it('knows each edition that has a folder, by its name', () => {
  const folders = globSync('*/edition.ts', { cwd: new URL('../../fixtures/document/', import.meta.url) });
  expect(folders.map((file) => dirname(file)).sort()).toEqual(allEditions.map(({ name }) => name).sort());
});

describe.each(allEditions)('edition $name', (edition) => {
  const { commands, sections, entry, proxy, client, request, namespaces } = edition;
  const steps = documentStepsOf(edition);

  it('has the step ids that reports and other tools refer to', () => {
    expect(steps.map(({ id }) => id)).toEqual([
      ...['BEFORE-1', 'BEFORE-2', 'BEFORE-3'],
      ...['PROXY-1', 'PROXY-2', 'PROXY-3', 'PROXY-4', 'PROXY-5', 'PROXY-6', 'PROXY-7', 'PROXY-8', 'PROXY-9'],
      ...['MESH-1', 'MESH-2', 'MESH-3', 'MESH-4'],
      'WHY-1',
      ...['CLEAN-1', 'CLEAN-2', 'CLEAN-3', 'CLEAN-4', 'CLEAN-5', 'CLEAN-6'],
    ]);
  });

  it('has steps for every section, in its order', async () => {
    const page = await textOf(edition);
    const positions = Object.values(sections).map((heading) => page.search(new RegExp(`^${heading}$`, 'm')));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const covered = new Set(steps.map(({ section }) => section));
    expect([...covered]).toEqual(Object.keys(sections));
  });

  it('is quoted word for word', async () => {
    const page = squeeze(await textOf(edition));
    for (const { id, commands: quoted = [], claims = [] } of steps) {
      for (const quote of [...quoted, ...claims]) expect(page, `${id}: ${quote}`).toContain(squeeze(quote));
    }
  });

  it('has each of its commands in a step', async () => {
    const quoted = new Set(steps.flatMap((step) => step.commands ?? []));
    expect([...quoted].sort()).toEqual(Object.values(commands).sort());
    let page = squeeze(await textOf(edition));
    for (const command of quoted) page = page.replaceAll(squeeze(command), '');
    expect(page.match(/\$ (kubectl|export|cat|rm|istioctl)[^$]*/g)).toBeNull();
  });

  it('names in its constants what its commands and manifests name', async () => {
    expect(commands.requestFromMesh).toContain(`-c ${client} --`);
    expect(commands.requestFromMesh).toContain(request.url);
    expect(commands.proxyPort).toBe(`export PROXY_PORT=${proxy.port}`);
    expect(commands.createNamespace).toBe(`kubectl create namespace ${namespaces.external}`);
    for (const text of [`apiVersion: ${entry.apiVersion} `, `name: ${entry.name} `, `- ${entry.host} #`])
      expect(commands.applyServiceEntry).toContain(text);
    const fixtures = new Fixtures(edition);
    const values = { CURL_IMAGE: 'x', SQUID_IMAGE: 'x', PROXY_IP: '192.0.2.1', PROXY_PORT: `${proxy.port}` };
    const [[serviceEntry], [squid], made] = await Promise.all([
      fixtures.objects('document/service-entry.yaml', values),
      fixtures.objects('document/squid.yaml', values),
      fixtures.objects('document/client.yaml', values),
    ]);
    expect(serviceEntry).toMatchObject({
      apiVersion: entry.apiVersion,
      metadata: { name: entry.name },
      spec: { hosts: [entry.host], ports: [{ number: proxy.port }] },
    });
    const runs = (app: string): object => ({
      metadata: { name: app },
      spec: { template: { metadata: { labels: { app } }, spec: { containers: [{ name: app }] } } },
    });
    expect(squid).toMatchObject({ ...runs(proxy.app), metadata: { namespace: namespaces.external } });
    expect(made).toMatchObject(clientObjects(edition));
    expect(made.at(-1)).toMatchObject(runs(client));
  });

  it('has a squid.conf in its text', async () => {
    const text = squidConfigurationOf(await textOf(edition)).join(' ');
    expect(text).toMatch(new RegExp(`^http_port ${proxy.port} .*coredump_dir \\S+$`));
  });

  it('has its table of steps as generated (npm run generate)', async () => {
    const table = traceability(edition, controlSteps);
    await expect(table).toMatchFileSnapshot(`../../docs/${traceabilityFile(edition)}`);
  });
});

describe('the steps', () => {
  it('need only steps that come before them, controls included', () => {
    const seen = new Set<string>();
    for (const { id, needs } of everyStep({ edition: defaultEdition })) {
      for (const need of needs) expect(seen, `${id} needs ${need}`).toContain(need);
      seen.add(id);
    }
  });

  it('deploy a proxy or try the user’s, never both', () => {
    const idsFor = (proxy: string): string[] =>
      stepsFor(planOf(configurationSchema.parse({ proxy }))).map(({ id }) => id);
    const deploying = [
      'PROXY-2',
      'PROXY-3',
      'PROXY-4',
      'PROXY-6',
      'PROXY-7',
      'PROXY-8',
      'PROXY-9',
      'CLEAN-3',
    ];
    const trying = ['REACH-1', 'REACH-2', 'REACH-3', 'REACH-4'];
    const own = allSteps.map(({ id }) => id);
    expect(own).toEqual(expect.arrayContaining(deploying));
    expect(own.filter((id) => trying.includes(id) || id === 'MESH-5')).toEqual([]);
    const one = idsFor('10.1.2.3:3128');
    expect(one).toEqual(expect.arrayContaining([...trying, 'CONTROL-9']));
    expect(one.filter((id) => deploying.includes(id) || id === 'MESH-5')).toEqual([]);
    expect(idsFor('10.1.2.3:3128,10.1.2.4:3128')).toContain('MESH-5');
    expect(idsFor('proxy.example:3128')).not.toContain('CONTROL-9');
  });

  it('leave the user’s pod as it is', () => {
    const of = (more: object): { all: string[]; skipped: string[] } => {
      const plan = planOf(configurationSchema.parse({ client: 'shop/web', ...more }));
      const all = stepsFor(plan).map(({ id }) => id);
      const judged = judgedSteps(plan).map(({ id }) => id);
      return { all, skipped: all.filter((id) => !judged.includes(id)) };
    };
    const { all, skipped } = of({});
    expect(all).toContain('CLIENT-1');
    expect(all.filter((id) => ['BEFORE-2', 'BEFORE-3', 'CLEAN-1'].includes(id))).toEqual([]);
    expect(skipped).toEqual(['CONTROL-7', 'CONTROL-8', 'CONTROL-9']);
    const given = of({ proxy: '10.1.2.3:3128', proxyLog: '/log' });
    expect(given.skipped).toEqual(['CONTROL-1', 'CONTROL-6', ...skipped]);
    expect(allSteps.map(({ id }) => id)).not.toContain('CLIENT-1');
  });

  it('are judged by the log of the user’s proxy only where there is one', () => {
    const judged = (more: object): string[] =>
      judgedSteps(planOf(configurationSchema.parse({ proxy: '10.1.2.3:3128', ...more }))).map(({ id }) => id);
    const byItsLog = ['REACH-2', 'REACH-4', 'MESH-4'];
    expect(judged({ proxyLog: '/log' })).toEqual(expect.arrayContaining(byItsLog));
    expect(judged({}).filter((id) => byItsLog.includes(id))).toEqual([]);
  });

  it('can be chosen with what they need, in order', () => {
    expect(withNeeds(documentSteps, ['PROXY-6']).map(({ id }) => id)).toEqual([
      'BEFORE-1',
      'PROXY-1',
      'PROXY-2',
      'PROXY-3',
      'PROXY-4',
      'PROXY-6',
    ]);
  });
});

describe("the document's squid.conf", () => {
  it('is missed when the page has none', () => {
    expect(() => squidConfigurationOf('nothing')).toThrow('no here-document');
    expect(words(' a\n b ')).toEqual(['a', 'b']);
  });
});

import { describe, expect, it } from 'vitest';
import { configurationSchema } from '../../helpers/configuration/configuration.ts';
import { Fixtures, squidConfigurationOf, words } from './fixtures.ts';
import { sections, withNeeds } from './step.ts';
import { documentSteps } from './steps.ts';
import { allSteps, controlSteps, everyStep, judgedSteps, stepsFor } from '../steps.ts';
import { traceability } from './traceability.ts';

const documentText = (): Promise<string> => new Fixtures().text('document/page.zh.txt');
const squeeze = (text: string): string => text.replace(/\s+/g, ' ');

describe('the steps', () => {
  it('have the ids that reports and other people refer to', () => {
    expect(documentSteps.map(({ id }) => id)).toEqual([
      ...['BEFORE-1', 'BEFORE-2', 'BEFORE-3'],
      ...['PROXY-1', 'PROXY-2', 'PROXY-3', 'PROXY-4', 'PROXY-5', 'PROXY-6', 'PROXY-7', 'PROXY-8', 'PROXY-9'],
      ...['MESH-1', 'MESH-2', 'MESH-3', 'MESH-4'],
      'WHY-1',
      ...['CLEAN-1', 'CLEAN-2', 'CLEAN-3', 'CLEAN-4', 'CLEAN-5', 'CLEAN-6'],
    ]);
  });

  it('cover every section of the document, in its order', async () => {
    const page = await documentText();
    const headings = Object.values(sections);
    const positions = headings.map((heading) => page.search(new RegExp(`^${heading}$`, 'm')));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const covered = new Set(documentSteps.map(({ section }) => section));
    expect([...covered]).toEqual(Object.keys(sections));
  });

  it('quote their commands and claims word for word', async () => {
    const page = squeeze(await documentText());
    for (const { id, commands, claims = [] } of documentSteps) {
      for (const quote of [...commands, ...claims]) expect(page, `${id}: ${quote}`).toContain(squeeze(quote));
    }
  });

  it('leave no command of the document out', async () => {
    let page = squeeze(await documentText());
    for (const { commands } of documentSteps) {
      for (const command of commands) page = page.replaceAll(squeeze(command), '');
    }
    expect(page.match(/\$ (kubectl|export|cat|rm|istioctl)[^$]*/g)).toBeNull();
  });

  it('need only steps that come before them, controls included', () => {
    const seen = new Set<string>();
    for (const { id, needs } of everyStep) {
      for (const need of needs) expect(seen, `${id} needs ${need}`).toContain(need);
      seen.add(id);
    }
  });

  it('deploy a proxy or try the user’s, never both', () => {
    const idsFor = (proxy: string): string[] =>
      stepsFor(configurationSchema.parse({ proxy })).map(({ id }) => id);
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

  it('are judged by the log of the user’s proxy only where there is one', () => {
    const judged = (more: object): string[] =>
      judgedSteps(configurationSchema.parse({ proxy: '10.1.2.3:3128', ...more })).map(({ id }) => id);
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
  it('is found in the page', async () => {
    expect(squidConfigurationOf(await documentText()).join(' ')).toMatch(
      /^http_port 3128 .*coredump_dir \S+$/,
    );
  });

  it('is missed when the page has none', () => {
    expect(() => squidConfigurationOf('nothing')).toThrow('no here-document');
    expect(words(' a\n b ')).toEqual(['a', 'b']);
  });
});

describe('docs/traceability.md', () => {
  it('is as generated (npm run generate)', async () => {
    await expect(traceability(controlSteps)).toMatchFileSnapshot('../../docs/traceability.md');
  });
});

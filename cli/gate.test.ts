import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { notFound } from '../helpers/results/gate.ts';
import { gateOf, type GateRequest } from './gate.ts';
import { chosenSettings, withSettings } from './options.ts';

/** What `gate` makes of these flags. */
async function asked(...flags: readonly string[]): Promise<GateRequest> {
  const command = withSettings(new Command('gate'), 'gate').option('--config <file>');
  command.parse([...flags], { from: 'user' });
  return gateOf(await chosenSettings(command, {}));
}

const theirs = ['--kubeconfig', 'staging'];
const command = [...theirs, '--upgrade-command', './upgrade'];

describe('a gate on a user’s mesh', () => {
  it('takes a command, and finds versions and strategy', async () => {
    const { plan, kubernetes, settings } = await asked(...command);
    expect(plan).toMatchObject({
      ...{ from: notFound, to: notFound, strategy: notFound, rollback: false },
      theirs: { command: './upgrade' },
    });
    expect(kubernetes).toBeUndefined();
    expect(settings.values.target).toBe('hermetic');
  });

  it('goes back by the command that is given, at the rate that is given', async () => {
    const flags = ['--rollback-command', './back', '--traffic-rate', '2', '--to', '1.29.1'];
    expect((await asked(...command, ...flags)).plan).toMatchObject({
      ...{ rollback: true, trafficRate: 2, to: '1.29.1' },
      theirs: { command: './upgrade', rollbackCommand: './back' },
    });
  });

  it('waits for a version', async () => {
    const { plan } = await asked(...theirs, '--wait-for', '1.29.1');
    expect(plan).toMatchObject({ to: '1.29.1', theirs: { waitFor: '1.29.1' } });
  });

  it('goes by the user’s proxy to a page of theirs, a request a second unless a rate is given', async () => {
    const page = ['--destination', 'https://intranet.test/', '--expect-title', 'Intranet'];
    const flags = ['--proxy', '192.0.2.1:3128', ...page];
    const { plan, settings } = await asked(...command, ...flags);
    expect(plan.trafficRate).toBe(1);
    expect(settings.values).toMatchObject({ proxy: '192.0.2.1:3128', target: 'auto' });
    const faster = await asked(...flags, '--traffic-rate', '5', '--from', '1.28.3', '--to', '1.29.1');
    expect(faster.plan.trafficRate).toBe(5);
  });

  it.each([
    { flags: [...command, '--proxy', '192.0.2.1:3128'], says: 'the gate needs --destination' },
    {
      flags: [...command, '--destination', 'https://intranet.test/', '--expect-title', 'Intranet'],
      says: 'there is no --proxy',
    },
    { flags: ['--upgrade-command', './upgrade'], says: '--upgrade-command is for the Istio of a cluster' },
    { flags: theirs, says: 'the gate needs to know how you upgrade' },
    { flags: [...command, '--wait-for', '1.29.1'], says: 'exclude each other' },
    { flags: [...theirs, '--wait-for', '1.29.1', '--to', '1.29.0'], says: '--to 1.29.0 contradicts' },
    {
      flags: [...command, '--strategy', 'in-place'],
      says: '--strategy is for a mesh that the gate upgrades',
    },
    { flags: [...command, '--rollback'], says: '--rollback is for a mesh' },
    { flags: [...command, '--k8s', '1.34.4'], says: '--k8s chooses the version of a cluster' },
    { flags: [...command, '--restart-command', 'a', '--rollback-command', 'b'], says: 'exclude each other' },
    { flags: ['--namespace', 'mine', '--from', '1.28.3', '--to', '1.29.1'], says: '--namespace needs' },
  ])('refuses $flags', async ({ flags, says }) => {
    await expect(asked(...flags)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(says) as string,
    });
  });
});

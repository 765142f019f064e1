import { failed, together, warning, type Finding } from './check.ts';

/** Beyond it certificates that the node makes for itself are not valid here yet, or hers not there. */
const engineLimitMs = 60_000;
const engineToleranceMs = 5_000;
/** The Date header counts seconds, and an answer may come from a cache. */
const headerToleranceMs = 60_000;

/**
 * @param engineAhead Milliseconds the engine's clock is ahead of this machine's; undefined when it does not tell
 * @param others The same of others who answered over the network, by their Date header
 */
export function clockFinding(
  engineAhead: number | undefined,
  others: readonly { readonly who: string; readonly ahead: number }[],
): Finding {
  const findings = others.map(({ who, ahead }) =>
    Math.abs(ahead) <= headerToleranceMs
      ? undefined
      : warning(
          `This machine's clock is ${off(-ahead)} that of ${who}: their certificates may not be valid here`,
          'Set this machine by NTP (timedatectl set-ntp true).',
        ),
  );
  const asked = [
    ...(engineAhead === undefined ? [] : ["the engine's"]),
    ...others.map(({ who }) => `that of ${who}`),
  ];
  return together(
    [engineFinding(engineAhead ?? 0), ...findings],
    asked.length === 0 ? 'no other clock to compare it with' : `as ${asked.join(', ')}`,
  );
}

function engineFinding(ahead: number): Finding | undefined {
  if (Math.abs(ahead) <= engineToleranceMs) return undefined;
  const said = `The engine's clock is ${off(ahead)} this machine's`;
  const set =
    'Set both by NTP; of an engine in a virtual machine restart that: its clock stands still while the computer sleeps.';
  return Math.abs(ahead) > engineLimitMs
    ? failed(`${said}: certificates made on one are not valid on the other`, set, 'NODE_NOT_READY')
    : warning(`${said}: times of witnesses are put right by it, within that of an answer`, set);
}

function off(ahead: number): string {
  const seconds = Math.round(Math.abs(ahead) / 1000);
  const minutes = Math.round(seconds / 60);
  const amount =
    seconds < 120 ? `${seconds} s` : minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return `${amount} ${ahead > 0 ? 'ahead of' : 'behind'}`;
}

/** Texts that are secret by themselves, e.g. a password that the user gave: no pattern tells them. */
const secrets = new Set<string>();

/** Shorter ones would cut ordinary words to pieces. */
const shortest = 4;

/** From now on these are cut out of whatever goes through `redact`, in this thread. */
export function keepSecret(texts: readonly string[]): void {
  for (const text of texts) if (text.length >= shortest) secrets.add(text);
}

/** The text without them; the longest first, since one may hold another. */
export function withoutSecrets(text: string, marker: string): string {
  return [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((kept, secret) => kept.replaceAll(secret, marker), text);
}

/**
 * What the suite's own files end in: a checkout runs its TypeScript as it is, an installed package the JavaScript that
 * scripts/build-package made of it, in the same folders below dist/.
 */
export const ownExtension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

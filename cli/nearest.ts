import { closest } from 'fastest-levenshtein';

/** The valid word that a mistyped one most likely meant. */
export function nearest(word: string, valid: readonly string[]): string {
  return closest(word.toUpperCase(), [...valid]);
}

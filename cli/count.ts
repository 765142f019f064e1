import { InvalidArgumentError } from 'commander';

/** Parses the value of a flag that is a whole number from 1 to `maximum`. */
export function countTo(maximum: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^[0-9]+$/.test(value) && number >= 1 && number <= maximum) return number;
    throw new InvalidArgumentError(`A whole number from 1 to ${maximum}.`);
  };
}

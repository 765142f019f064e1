import { expect, it } from 'vitest';
import { EnvironmentError } from '../errors.ts';
import { ConformanceError } from './finding.ts';
import { findingsOf } from './findings-of.ts';
import './matchers.ts';
import { soundTrip } from '../../tests/samples/trip.ts';

const thrownBy = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

it('takes the findings of a failed matcher', () => {
  const error = thrownBy(() => {
    expect(soundTrip()).toHaveTitle('Another title');
  });
  expect(findingsOf(error)).toMatchObject([{ cause: 'TITLE_DIFFERS' }]);
});

it('takes the findings of a step', () => {
  const finding = { cause: 'LEFT_BEHIND', seen: 'a', expected: 'b' } as const;
  expect(findingsOf(new ConformanceError([finding]))).toEqual([finding]);
});

it('keeps the weather apart from the mesh', () => {
  const error = new EnvironmentError('Image x cannot be pulled', 'Pull it first.');
  expect(findingsOf(error)).toMatchObject([
    { cause: 'ENVIRONMENT', seen: 'Image x cannot be pulled Pull it first.' },
  ]);
});

it('calls anything else unexplained, with its message', () => {
  expect(findingsOf(new Error('boom'))).toMatchObject([{ cause: 'UNEXPLAINED', seen: 'boom' }]);
});

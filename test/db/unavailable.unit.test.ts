import { describe, expect, test } from 'vitest';
import { CommitUnknownError, isUnavailable, sqlStateOf } from '../../src/db/connection/unavailable.ts';

const withCode = (code: string) =>
  new Error('a statement failed', { cause: Object.assign(new Error('the server said'), { code }) });

describe('a database error', () => {
  test.each([
    ['08006', 'the connection broke'],
    ['53300', 'too many connections'],
    ['55P03', 'lock not available'],
    ['25006', 'read-only'],
    ['25P03', 'idle in transaction for too long'],
    ['40001', 'could not serialize'],
    ['40P01', 'a deadlock'],
    ['57014', 'canceled'],
    ['57P01', 'shutdown'],
    ['58030', 'an I/O error'],
    ['ECONNREFUSED', 'nothing listens'],
    ['EPIPE', 'the connection was closed'],
  ])('with the code %s means that the database cannot answer now: %s', (code) => {
    expect(isUnavailable(withCode(code))).toBe(true);
  });

  test.each(['23505', '42601', '42501', '25001', '25P02', '55000', '55006', '22021', 'ERR_ASSERTION'])(
    'with the code %s means that the statement is wrong',
    (code) => {
      expect(isUnavailable(withCode(code))).toBe(false);
    },
  );

  test('of a standby that is asked for its position in the write-ahead log means that the database cannot answer now', () => {
    const cause = Object.assign(new Error('recovery is in progress'), { code: '55000' });
    expect(isUnavailable(new Error('a statement failed', { cause }))).toBe(true);
  });

  test('yields its SQLSTATE from anywhere in the chain of causes', () => {
    expect(sqlStateOf(new CommitUnknownError(withCode('57P01')))).toBe('57P01');
    expect(sqlStateOf(withCode('EPIPE'))).toBeNull();
    expect(sqlStateOf('no error')).toBeNull();
  });
});

import { GraphQLError, Source } from 'graphql';
import { describe, expect, test } from 'vitest';
import { RateLimitedError, UnauthenticatedError } from '../../../src/accounts/errors.ts';
import { OverloadedError } from '../../../src/http/overload/overloaded-error.ts';
import { createMaskError, MAX_MESSAGE_LENGTH } from '../../../src/http/graphql/mask-errors.ts';
import type { Log } from '../../../src/log.ts';
import { InvalidArgumentError, UnavailableError } from '../../../src/errors.ts';

function start(suggestions = true) {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message });
  const log = { info: write('info'), warn: write('warn'), error: write('error') } as unknown as Log;
  return { mask: createMaskError(log, suggestions), lines };
}

const at = (cause: Error) =>
  new GraphQLError(cause.message, {
    originalError: cause,
    path: ['motionJob'],
    source: new Source('{ motionJob }'),
    positions: [2],
  });
const WHERE = { path: ['motionJob'], locations: [{ line: 1, column: 3 }] };

describe('an error of the cores', () => {
  test('about an unavailable database keeps its code, message, location and mayHaveBeenAccepted, and its cause is logged', () => {
    const { mask, lines } = start();
    const cause = new Error('no connection');
    const away = new UnavailableError(cause);
    expect(mask(at(away))).toEqual({
      message: away.message,
      ...WHERE,
      extensions: { code: away.code, ...(away.mayHaveCommitted && { mayHaveBeenAccepted: true }) },
    });
    expect(lines).toEqual([{ level: 'warn', fields: { err: cause }, message: 'the database is unavailable' }]);
  });
  test('about a rate limit keeps its code, message, location and retry time', () => {
    const { mask, lines } = start();
    const limited = new RateLimitedError('Too much.', 7);
    expect(mask(at(limited))).toEqual({
      message: 'Too much.',
      ...WHERE,
      extensions: { code: limited.code, retryAfterSeconds: 7 },
    });
    expect(lines).toEqual([]);
  });
  test('about missing authentication keeps its code, message and location, and has no retry time', () => {
    const error = new UnauthenticatedError();
    expect(start().mask(at(error))).toEqual({ message: error.message, ...WHERE, extensions: { code: error.code } });
  });
  test('about overload or an invalid argument keeps its code and message', () => {
    const { mask } = start();
    expect(mask(new OverloadedError('WAIT', 3))).toEqual({
      message: expect.stringContaining('overloaded') as string,
      extensions: { code: 'SERVICE_UNAVAILABLE', retryAfterSeconds: 3 },
    });
    const bad = new InvalidArgumentError('No.');
    expect(mask(at(bad))).toEqual({ message: 'No.', ...WHERE, extensions: { code: bad.code } });
  });
});

describe('an error of GraphQL', () => {
  test('keeps its message and gets the code of its processing step', () => {
    const { mask, lines } = start();
    expect(mask(new GraphQLError('Syntax Error.'), 'GRAPHQL_PARSE_FAILED')).toEqual({
      message: 'Syntax Error.',
      extensions: { code: 'GRAPHQL_PARSE_FAILED' },
    });
    expect(mask(new GraphQLError('Unknown field.'))).toEqual({
      message: 'Unknown field.',
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
    expect(mask(new GraphQLError('Ours.', { extensions: { code: 'OURS', secret: 1 }, path: ['a'] }))).toEqual({
      message: 'Ours.',
      path: ['a'],
      extensions: { code: 'OURS' },
    });
    expect(lines).toEqual([]);
  });

  test('reveals no schema names if suggestions are off', () => {
    const error = () => new GraphQLError('Cannot query field "a". Did you mean "b",\nor "c"?');
    expect([start(true).mask(error()).message, start(false).mask(error()).message]).toEqual([
      'Cannot query field "a". Did you mean "b",\nor "c"?',
      'Cannot query field "a".',
    ]);
    expect(start(false).mask(new GraphQLError('Did you mean it? No.')).message).toBe('Did you mean it? No.');
  });

  test('of more than 400 characters loses its middle, and contains no half of a surrogate pair', () => {
    const { mask } = start();
    const long = `${'a'.repeat(199)}\u{1F600}${'b'.repeat(500)}\u{1F600}${'c'.repeat(199)}`;
    const { message } = mask(new GraphQLError(long));
    expect(message).toBe(`${'a'.repeat(199)}\ufffd...\ufffd${'c'.repeat(199)}`);
    expect(mask(new GraphQLError('a'.repeat(MAX_MESSAGE_LENGTH))).message).toBe('a'.repeat(MAX_MESSAGE_LENGTH));
    expect(mask(new GraphQLError('a'.repeat(MAX_MESSAGE_LENGTH + 1))).message).toHaveLength(MAX_MESSAGE_LENGTH + 3);
  });
});

describe('an internal error', () => {
  test.each([
    ['thrown by a resolver', at(new TypeError('secret detail'))],
    [
      'below several wrappers',
      new GraphQLError('a', { originalError: at(new TypeError('secret detail')), path: ['motionJob'] }),
    ],
    ['of the result coercion of GraphQL', new GraphQLError('secret detail', { path: ['motionJob'] })],
    ['that is not an error object', 'secret detail'],
  ])('%s becomes "Internal error." with an id under which the details are logged', (_name, error) => {
    const { mask, lines } = start();
    const masked = mask(error);
    expect(masked).toMatchObject({
      message: 'Internal error.',
      extensions: { code: 'INTERNAL_SERVER_ERROR', errorId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    });
    expect(JSON.stringify(masked)).not.toContain('secret');
    expect(lines).toEqual([
      {
        level: 'error',
        fields: { err: expect.anything() as unknown, errorId: masked.extensions!.errorId },
        message: 'unexpected error',
      },
    ]);
  });
});

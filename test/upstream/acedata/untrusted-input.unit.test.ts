/** Any input that the upstream may send, or anyone in its name: no decoder throws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeClaim } from '../../../src/upstream/acedata/callback-body.ts';
import { redactText } from '../../../src/upstream/acedata/redact.ts';
import { decodeLookUp } from '../../../src/upstream/acedata/wire/look-up.ts';
import { decodeSubmitAnswer } from '../../../src/upstream/acedata/wire/submit-answer.ts';
import { URL_A } from '../../fixtures/wire.ts';

describe('untrusted input', () => {
  const words = fc.constantFrom(
    'task_id',
    'success',
    'state',
    'error',
    'code',
    'message',
    'detail',
    'video_url',
    'video_id',
    'items',
    'id',
    'response',
    'finished_at',
    'succeed',
    'failed',
    URL_A,
  );
  const { body } = fc.letrec<{ body: unknown }>((tie) => ({
    body: fc.oneof(
      { maxDepth: 4 },
      words,
      fc.jsonValue(),
      fc.bigInt(),
      fc.dictionary(words, tie('body')),
      fc.array(tie('body')),
    ),
  }));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    body.map(
      (value) => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part)) ?? '',
    ),
  );

  test('never makes a decoder throw', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 200, max: 599 }), (sent, status) => {
        expect(decodeClaim(sent)).toHaveProperty('odd');
        expect(['accepted', 'refused', 'ambiguous']).toContain(decodeSubmitAnswer(status, sent).kind);
        expect(['found', 'unknown', 'error']).toContain(decodeLookUp(status, sent).kind);
        expect(redactText(sent)).not.toContain('\0');
      }),
      { numRuns: 2_000 },
    );
  });
});

/**
 * Tests which orders of events on a connection show that an answer arrived, for connections of clients and of proxies.
 */
import { describe, expect, test } from 'vitest';
import { isVerdict, nextProgress, type Progress, type Sight } from '../../../src/http/rest/answer-evidence.ts';

const judge = (sights: readonly Sight[], proxied: boolean): Progress =>
  sights.reduce<Progress>((progress, sight) => nextProgress(progress, sight, proxied), 'HELD');

const W = 'answerWritten';
const orders: readonly (readonly [Sight[], Progress, Progress])[] = [
  // Before the answer: a FIN means that the client has disconnected, even if it would still read.
  [[], 'HELD', 'HELD'],
  [['peerClosed'], 'UNANSWERED', 'UNANSWERED'],
  [['reset'], 'UNANSWERED', 'UNANSWERED'],
  [['weClosed'], 'UNANSWERED', 'UNANSWERED'],
  [['pipelinedRequest'], 'HELD', 'HELD'],
  [['nextRequest'], 'HELD', 'HELD'],
  [['settled', 'watchEnded'], 'HELD', 'HELD'],
  [['peerClosed', W, 'settled', 'watchEnded'], 'UNANSWERED', 'UNANSWERED'],
  // After the answer, before a reset had time to come back.
  [[W], 'WRITTEN', 'WRITTEN'],
  [[W, 'nextRequest'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'nextRequest', 'reset'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'pipelinedRequest'], 'WRITTEN', 'WRITTEN'],
  [[W, 'pipelinedRequest', 'reset'], 'UNANSWERED', 'UNANSWERED'],
  [['pipelinedRequest', W, 'peerClosed', 'settled'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'reset'], 'UNANSWERED', 'UNANSWERED'],
  [[W, 'weClosed'], 'DOUBTFUL', 'DOUBTFUL'],
  [[W, 'peerClosed'], 'CLOSING', 'CLOSING'],
  [[W, 'peerClosed', 'reset'], 'UNANSWERED', 'UNANSWERED'],
  [[W, 'peerClosed', 'weClosed'], 'DOUBTFUL', 'DOUBTFUL'],
  [[W, 'peerClosed', 'settled'], 'ANSWERED', 'DOUBTFUL'],
  // Once the answer has reached an open connection.
  [[W, 'settled'], 'SETTLED', 'DOUBTFUL'],
  [[W, 'settled', 'nextRequest'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'pipelinedRequest', 'reset'], 'UNANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'peerClosed'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'reset'], 'UNANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'weClosed'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'watchEnded'], 'ANSWERED', 'DOUBTFUL'],
  [[W, 'settled', 'watchEnded', 'reset'], 'ANSWERED', 'DOUBTFUL'],
];

describe('a sequence', () => {
  test.each(orders)('%j', (sights, direct, proxied) => {
    expect([judge(sights, false), judge(sights, true)]).toEqual([direct, proxied]);
  });

  const all: readonly Sight[] = [
    W,
    'nextRequest',
    'pipelinedRequest',
    'peerClosed',
    'reset',
    'weClosed',
    'settled',
    'watchEnded',
  ];
  const sequences = (length: number): Sight[][] =>
    length === 0 ? [[]] : sequences(length - 1).flatMap((rest) => all.map((sight) => [...rest, sight]));

  test('of any five events means ANSWERED only if the answer was written and something shows that it was read, and never through a proxy', () => {
    const wrong = sequences(5).filter((sights) => {
      const later = sights.includes(W) ? sights.slice(sights.indexOf(W) + 1) : [];
      const shows = later.includes('nextRequest') || later.includes('settled');
      return judge(sights, true) === 'ANSWERED' || (judge(sights, false) === 'ANSWERED' && !shows);
    });
    expect(wrong).toEqual([]);
  });

  test('keeps its verdict after any further event', () => {
    const changed = sequences(4).filter(
      (sights) =>
        isVerdict(judge(sights, false)) &&
        all.some((sight) => judge([...sights, sight], false) !== judge(sights, false)),
    );
    expect(changed).toEqual([]);
  });
});

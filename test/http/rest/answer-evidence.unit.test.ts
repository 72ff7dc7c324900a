/**
 * Which order of events on a connection says that an answer arrived, for a client's own connection and for a proxy's.
 */
import { describe, expect, test } from 'vitest';
import { isVerdict, nextProgress, type Progress, type Sight } from '../../../src/http/rest/answer-evidence.ts';

const judge = (sights: readonly Sight[], proxied: boolean): Progress =>
  sights.reduce<Progress>((progress, sight) => nextProgress(progress, sight, proxied), 'HELD');

const W = 'answerWritten';
const orders: readonly (readonly [Sight[], Progress, Progress])[] = [
  // Before the answer: a FIN is a client that hung up, also one that would still read.
  [[], 'HELD', 'HELD'],
  [['peerClosed'], 'UNANSWERED', 'UNANSWERED'],
  [['reset'], 'UNANSWERED', 'UNANSWERED'],
  [['weClosed'], 'UNANSWERED', 'UNANSWERED'],
  [['pipelinedRequest'], 'HELD', 'HELD'],
  [['nextRequest'], 'HELD', 'HELD'],
  [['settled', 'watchEnded'], 'HELD', 'HELD'],
  [['peerClosed', W, 'settled', 'watchEnded'], 'UNANSWERED', 'UNANSWERED'],
  // After the answer, before a reset had the time to come back.
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

describe('the order', () => {
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

  test('of any five events is judged by evidence: answered only if it was written and something shows that it was read, and never through a proxy', () => {
    const wrong = sequences(5).filter((sights) => {
      const later = sights.includes(W) ? sights.slice(sights.indexOf(W) + 1) : [];
      const shows = later.includes('nextRequest') || later.includes('settled');
      return judge(sights, true) === 'ANSWERED' || (judge(sights, false) === 'ANSWERED' && !shows);
    });
    expect(wrong).toEqual([]);
  });

  test('does not matter any more once there is a verdict', () => {
    const changed = sequences(4).filter(
      (sights) =>
        isVerdict(judge(sights, false)) &&
        all.some((sight) => judge([...sights, sight], false) !== judge(sights, false)),
    );
    expect(changed).toEqual([]);
  });
});

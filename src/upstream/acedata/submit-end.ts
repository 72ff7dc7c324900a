/** Classifies the upstream's response to a submit by what it shows about the task. Pure function. */
import type { SubmitEnd } from '../../jobs/model/upstream-news.ts';
import { toOutcome, toRefusal } from './outcome.ts';
import { redactText } from './redact.ts';
import type { Answer } from './transport.ts';
import { isKnownCode } from './wire/envelopes.ts';
import { decodeSubmitAnswer } from './wire/submit-answer.ts';

export function toSubmitEnd({ httpStatus, text, location }: Answer): SubmitEnd {
  const answer = decodeSubmitAnswer(httpStatus, text, location);
  switch (answer.kind) {
    case 'accepted':
      return { ...answer, outcome: answer.outcome && toOutcome(answer.outcome) };
    case 'ambiguous':
      return {
        kind: 'ambiguous',
        about: answer.enveloped ? 'job' : 'path',
        reason: redactText(answer.reason),
        httpStatus,
        traceId: answer.traceId,
        taskId: answer.taskId,
      };
    case 'refused': {
      const refusal = toRefusal(answer);
      const { message, taskId, traceId } = answer;
      // A rejection for an unknown reason, such as a conflict, may name a task that is this job's. In other refusals,
      // the named task is one that is already running.
      const mayExist = refusal.kind === 'rejected' && taskId !== null && !isKnownCode(answer.code);
      if (mayExist)
        return {
          kind: 'ambiguous',
          about: 'job',
          reason: redactText(`HTTP ${httpStatus}, ${message}`),
          httpStatus,
          traceId,
          taskId,
        };
      return { kind: 'refused', refusal, httpStatus, traceId };
    }
  }
}

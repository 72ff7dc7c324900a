/** Schemas of all responses of the routes, to which encoders conform and from which API descriptions are generated. */
import { z } from 'zod';

const taskId = z.string().meta({ description: "The task's id." });
const traceId = z.string().meta({ description: 'The trace id of the request. Include it in support requests.' });
const seconds = (description: string) =>
  z.number().meta({ description: `${description}, in seconds since 1970 with a fraction.` });

/** The response to an asynchronous submit: the task's id and nothing else. */
export const acceptedAnswer = z.strictObject({ task_id: taskId });

export const successAnswer = z.strictObject({
  success: z.literal(true),
  video_id: z.string().meta({ description: 'A number as a string, because it can exceed 2^53, or a UUID.' }),
  video_url: z.string().meta({ description: 'The URL of the video, valid for about 30 days.' }),
  duration: z
    .string()
    .optional()
    .meta({ description: 'The duration in seconds, as a string such as "5.066"; absent if it is not known.' }),
  state: z.literal('succeed'),
  task_id: taskId,
  trace_id: traceId,
});

/** Returns the schema of an error that is not about an accepted task, with the codes it can have. */
export const errorAnswer = (codes: readonly string[]) =>
  z.strictObject({
    success: z.literal(false),
    error: z.strictObject({ code: z.enum(codes), message: z.string() }),
    trace_id: traceId,
  });

/** Returns the same schema for an error about a task that was accepted. */
export const failureAnswer = (codes: readonly string[]) => errorAnswer(codes).extend({ task_id: taskId });

/** Returns the schema of a task record. `request` is the schema of what the task's submit sent. */
export const taskRecord = (request: z.ZodType, failureCodes: readonly string[]) =>
  z.strictObject({
    id: taskId,
    type: z.literal('motion'),
    trace_id: traceId,
    job_id: z.string().meta({ description: 'The same as `id`.' }),
    request: request.meta({ description: 'The body of the submit, as it was sent.' }),
    response: z
      .union([z.strictObject({}), successAnswer, failureAnswer(failureCodes)])
      .meta({ description: 'Empty until the task has ended; then the response to a synchronous submit.' }),
    created_at: seconds('The time when the task was accepted'),
    started_at: seconds('The time when the task started').optional(),
    finished_at: seconds('Absent until the task has ended; then the time when it ended').optional(),
    elapsed: z
      .number()
      .optional()
      .meta({ description: 'The number of seconds from the start of the task to its end.' }),
  });

export const taskList = (record: z.ZodType) => z.strictObject({ items: z.array(record), count: z.number().int() });

export type SuccessAnswer = z.output<typeof successAnswer>;
export type ErrorAnswer = z.output<ReturnType<typeof errorAnswer>>;
export type FailureAnswer = z.output<ReturnType<typeof failureAnswer>>;
export type TaskRecordAnswer = Omit<z.output<ReturnType<typeof taskRecord>>, 'response'> & {
  readonly response: object;
};

/** Schemas of all responses of the routes, to which encoders conform and from which API descriptions are generated. */
import { z } from 'zod';

const taskId = z.string().meta({ description: "The task's id." });
const traceId = z.string().meta({ description: 'What support asks for.' });
const seconds = (description: string) =>
  z.number().meta({ description: `${description}, in seconds since 1970 with a fraction.` });

/** The response to an asynchronous submit: the task's id and nothing else. */
export const acceptedAnswer = z.strictObject({ task_id: taskId });

export const successAnswer = z.strictObject({
  success: z.literal(true),
  video_id: z.string().meta({ description: 'A number beyond 2^53 as text, or a UUID.' }),
  video_url: z.string().meta({ description: 'Where the video is, for about 30 days.' }),
  duration: z
    .string()
    .optional()
    .meta({ description: 'Seconds, as text such as "5.066"; absent where it is not known.' }),
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
      .meta({ description: 'Empty until the task has ended; then what a synchronous submit is answered.' }),
    created_at: seconds('When it was accepted'),
    started_at: seconds('When it began').optional(),
    finished_at: seconds('When it ended; absent until then').optional(),
    elapsed: z.number().optional().meta({ description: 'Seconds from its beginning to its end.' }),
  });

export const taskList = (record: z.ZodType) => z.strictObject({ items: z.array(record), count: z.number().int() });

export type SuccessAnswer = z.output<typeof successAnswer>;
export type ErrorAnswer = z.output<ReturnType<typeof errorAnswer>>;
export type FailureAnswer = z.output<ReturnType<typeof failureAnswer>>;
export type TaskRecordAnswer = Omit<z.output<ReturnType<typeof taskRecord>>, 'response'> & {
  readonly response: object;
};

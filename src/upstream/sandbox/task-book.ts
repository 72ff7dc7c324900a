/**
 * The sandbox's tasks. The current state of a task follows from its record and the clock, so only the record has to
 * survive a restart.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { encodeFailure, encodeSuccess } from '../acedata/wire/result.ts';
import type { JsonObject } from '../acedata/wire/json.ts';
import type { Task } from '../acedata/wire/task-record.ts';
import type { Scenario } from './scenarios.ts';

export interface SandboxTask {
  readonly taskId: string;
  readonly traceId: string;
  readonly videoId: string;
  readonly scenario: Scenario;
  /** The body of the submit, as it was sent. */
  readonly request: JsonObject;
  readonly createdAtMs: number;
  readonly endsAtMs: number;
}

export interface TaskBook {
  /** Adds a task that ends `durationMs` from now. */
  add(request: JsonObject, scenario: Scenario, traceId: string, durationMs: number): SandboxTask;
  find(taskId: string): SandboxTask | undefined;
  /** Returns all tasks, oldest first. */
  list(): readonly SandboxTask[];
  /** Records that all callbacks of the task were sent. */
  markCalled(task: SandboxTask): void;
  wasCalled(task: SandboxTask): boolean;
  countRunning(): number;
}

type JournalLine = { readonly task: SandboxTask } | { readonly called: string };

/** The retention period. The vendor deletes results after 30 days, and so does the sandbox when it starts. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/** Opens the book. With a journal file, it contains the tasks that were written there before. */
export function openTaskBook(journalFile: string | null): TaskBook {
  const tasks = new Map<string, SandboxTask>();
  const called = new Set<string>();

  const write = (line: JournalLine): void => {
    // The line break comes first, so that a line truncated by a crash does not corrupt the next one.
    if (journalFile !== null) appendFileSync(journalFile, `\n${JSON.stringify(line)}`);
  };
  if (journalFile !== null) {
    mkdirSync(dirname(journalFile), { recursive: true });
    for (const line of readJournal(journalFile)) {
      if ('called' in line) called.add(line.called);
      else if (line.task.createdAtMs > Date.now() - KEPT_MS) tasks.set(line.task.taskId, line.task);
    }
  }

  return {
    add(request, scenario, traceId, durationMs) {
      const createdAtMs = Date.now();
      const task: SandboxTask = {
        taskId: randomUUID(),
        traceId,
        // Beyond 2^53, like the real ids.
        videoId: `8425${String(randomInt(1e14)).padStart(14, '0')}`,
        scenario,
        request,
        createdAtMs,
        endsAtMs: createdAtMs + durationMs,
      };
      tasks.set(task.taskId, task);
      write({ task });
      return task;
    },
    find: (taskId) => tasks.get(taskId),
    list: () => [...tasks.values()],
    markCalled(task) {
      called.add(task.taskId);
      write({ called: task.taskId });
    },
    wasCalled: (task) => called.has(task.taskId),
    countRunning: () => [...tasks.values()].filter(({ endsAtMs }) => endsAtMs > Date.now()).length,
  };
}

/** Reads the journal. Skips a line that was truncated by a crash. */
function readJournal(file: string): JournalLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as JournalLine];
      } catch {
        return [];
      }
    });
}

/** The duration of `assets/sandbox/motion.mp4`. */
const DURATION_SECONDS = 5.066;

/** Returns the flat result that the task has, or will have once it has ended. */
export function resultOf(task: SandboxTask, mediaUrl: string): JsonObject {
  if (task.scenario === 'failed') return failureOf(task);
  return encodeSuccess(task, {
    videoId: task.videoId,
    videoUrl: `${mediaUrl}/${task.taskId}.mp4`,
    durationSeconds: DURATION_SECONDS,
  });
}

export const failureOf = (task: SandboxTask): JsonObject =>
  encodeFailure(task, 'api_error', 'The sandbox was asked to fail.');

/** Returns the task as a look-up shows it. */
export function recordOf(task: SandboxTask, mediaUrl: string): Task {
  const ended = task.endsAtMs <= Date.now();
  return {
    taskId: task.taskId,
    traceId: task.traceId,
    request: task.request,
    response: ended ? resultOf(task, mediaUrl) : null,
    createdAt: new Date(task.createdAtMs),
    startedAt: new Date(task.createdAtMs),
    finishedAt: ended ? new Date(task.endsAtMs) : null,
  };
}

/* eslint-disable */
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A date-time string at UTC, such as 2007-12-03T10:15:30Z, compliant with the `date-time` format outlined in section 5.6 of the RFC 3339 profile of the ISO 8601 standard for representation of dates and times using the Gregorian calendar. */
  DateTime: { input: string; output: string; }
  /** An absolute URL that begins with `http://` or `https://`, at most 2,048 characters. In input it is checked with the other rules of the field; a violation is a `userErrors` entry. */
  URL: { input: string; output: string; }
};

/** Who owns jobs, keys and quota: a team, usually. */
export type Account = {
  __typename?: 'Account';
  /** When it was made. */
  createdAt: Scalars['DateTime']['output'];
  /** As it was given; nobody has shown that he reads its mail. */
  email?: Maybe<Scalars['String']['output']>;
  /** Its id. */
  id: Scalars['ID']['output'];
  /** For people. */
  name: Scalars['String']['output'];
  /** What is left to it. */
  quota: Quota;
  /** Whether it may be used. */
  status: AccountStatus;
};

/** A page of accounts, newest first. */
export type AccountConnection = {
  __typename?: 'AccountConnection';
  /** The accounts. */
  nodes: Array<Account>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** An account, and what it may use from now on. */
export type AccountQuotaInput = {
  /** The account's id. */
  id: Scalars['ID']['input'];
  /** Jobs that may be accepted in a month of UTC: null is no limit, and without it the limit stays. */
  monthlyLimit?: InputMaybe<Scalars['Int']['input']>;
  /** Jobs that may ever be used: null is no limit, and without it the limit stays. */
  quotaLimit?: InputMaybe<Scalars['Int']['input']>;
};

/** Whether an account may be used. More values may be added: treat an unknown one as you would a new kind of the same. */
export type AccountStatus =
  /** It may be used. */
  | 'ACTIVE'
  /** Its keys and tokens open nothing. Its jobs go on to their ends. */
  | 'DISABLED'
  /** It waits for an administrator: it may look around, and no job is accepted. */
  | 'PENDING';

/** Who applies. */
export type AcquireAccessInput = {
  /** An e-mail address, at most 254 characters. */
  email: Scalars['String']['input'];
  /** A name for people, at most 100 characters. */
  name: Scalars['String']['input'];
};

/** What came of an application. */
export type AcquireAccessPayload = {
  __typename?: 'AcquireAccessPayload';
  /** The account; one that is PENDING waits for an administrator. */
  account?: Maybe<Account>;
  /** The API key. It is shown this once and cannot be had again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** A key of an account, without the key itself. */
export type ApiKey = {
  __typename?: 'ApiKey';
  /** When it was made. */
  createdAt: Scalars['DateTime']['output'];
  /** From then on it opens nothing; null is never. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** Its id. */
  id: Scalars['ID']['output'];
  /** The last four characters of the key, to tell keys apart by. */
  lastFour: Scalars['String']['output'];
  /** When it was last used, to within a minute. */
  lastUsedAt?: Maybe<Scalars['DateTime']['output']>;
  /** For people. */
  name: Scalars['String']['output'];
  /** Since then it opens nothing; null when it was not revoked. */
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  /** What it may do. */
  scopes: Array<Scope>;
};

/** What became of a callback. More values may be added: treat an unknown one as you would a new kind of the same. */
export type CallbackVerdict =
  /** It changed the job. */
  | 'APPLIED'
  /** The upstream, asked, says the same of whose task it is. */
  | 'CONFIRMED'
  /** It said something else than what is settled, and changed nothing. */
  | 'CONTRADICTED'
  /** It is not believed by itself: the upstream is asked. */
  | 'PENDING'
  /** The upstream, asked, says that the task is not ours. */
  | 'REFUTED'
  /** It said what was known. */
  | 'REPEATED'
  /** It could not be worked on; it is kept, and the upstream is asked. */
  | 'SET_ASIDE';

/** Which job to cancel. */
export type CancelMotionJobInput = {
  /** The job's id. */
  id: Scalars['ID']['input'];
};

/** What came of a request to cancel. */
export type CancelMotionJobPayload = {
  __typename?: 'CancelMotionJobPayload';
  /** The job as it is now; null when there is no such job. */
  job?: Maybe<MotionJob>;
  /** Empty when the job is canceled, now or before. */
  userErrors: Array<UserError>;
};

/** The job cannot be canceled, or not now. */
export type CancelRefused = UserError & {
  __typename?: 'CancelRefused';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** What came of changing an account. */
export type ChangeAccountPayload = {
  __typename?: 'ChangeAccountPayload';
  /** The account as it is now. */
  account?: Maybe<Account>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** Which input decides how the character is turned. More values may be added: treat an unknown one as you would a new kind of the same. */
export type CharacterOrientation =
  /** As in the image. The motion video may last 3 to 10 seconds. */
  | 'IMAGE'
  /** As in the motion video, which may last 3 to 30 seconds. */
  | 'VIDEO';

/** What a failed job cost at the upstream, as far as it is known. More values may be added: treat an unknown one as you would a new kind of the same. */
export type ChargeStatus =
  /** It was charged. */
  | 'CHARGED'
  /** Nothing. */
  | 'NOT_CHARGED'
  /** Not known: the upstream may have done the work. */
  | 'POSSIBLY_CHARGED';

/** A new account. */
export type CreateAccountInput = {
  /** An e-mail address, at most 254 characters. */
  email?: InputMaybe<Scalars['String']['input']>;
  /** Jobs that may be accepted in a month of UTC; without it no limit. */
  monthlyLimit?: InputMaybe<Scalars['Int']['input']>;
  /** A name for people, at most 100 characters. */
  name: Scalars['String']['input'];
  /** Jobs that may ever be used; without it no limit. */
  quotaLimit?: InputMaybe<Scalars['Int']['input']>;
};

/** What came of making an account. */
export type CreateAccountPayload = {
  __typename?: 'CreateAccountPayload';
  /** The account. */
  account?: Maybe<Account>;
  /** Its first key. It is shown this once and cannot be had again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** A new key. */
export type CreateApiKeyInput = {
  /** When it ends; never without it. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** A name for people, at most 100 characters. */
  name: Scalars['String']['input'];
  /** What it may do. */
  scopes: Array<Scope>;
};

/** A token for a browser. */
export type CreateClientTokenInput = {
  /** The jobs that it may read, 1 to 100; all jobs of the account without it. */
  jobIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** What it may do: at most what the key may, and never ACCOUNT_ADMIN. */
  scopes: Array<Scope>;
  /** How long it lives, 60 to 3,600 seconds. */
  ttlSeconds?: Scalars['Int']['input'];
};

/** What came of minting a token. */
export type CreateClientTokenPayload = {
  __typename?: 'CreateClientTokenPayload';
  /** When it ends. A socket that it has opened is closed then with 4403: fetch a new one, and subscribe again with `afterVersion` or the cursor. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** A JWT, to be presented like a key: "Authorization: Bearer <token>", and as `authorization` in `connection_init`. */
  token?: Maybe<Scalars['String']['output']>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** A new endpoint. */
export type CreateWebhookEndpointInput = {
  /** What to tell. */
  eventTypes?: Array<WebhookEventType>;
  /** Where to tell it, at most 2,048 characters. A public host, unless the operator allows others; redirects are not followed. */
  url: Scalars['URL']['input'];
};

/** Which job to delete. */
export type DeleteMotionJobInput = {
  /** The job's id. */
  id: Scalars['ID']['input'];
};

/** What came of a request to delete. */
export type DeleteMotionJobPayload = {
  __typename?: 'DeleteMotionJobPayload';
  /** The id of the job that is gone; null when `userErrors` has entries. */
  deletedId?: Maybe<Scalars['ID']['output']>;
  /** Empty when the job is deleted. NOT_FOUND for an unknown job, a deleted one, and somebody else's; NOT_TERMINAL for one that has not ended. */
  userErrors: Array<UserError>;
};

/** The job cannot be deleted, or not now. */
export type DeleteRefused = UserError & {
  __typename?: 'DeleteRefused';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** What came of deleting an endpoint. */
export type DeleteWebhookEndpointPayload = {
  __typename?: 'DeleteWebhookEndpointPayload';
  /** What was deleted. What was on its way to it has stopped. */
  deletedId?: Maybe<Scalars['ID']['output']>;
  /** Why it was not deleted. */
  userErrors: Array<UserError>;
};

/** Which account to disable. */
export type DisableAccountInput = {
  /** The account's id. */
  id: Scalars['ID']['input'];
};

/** A character, a motion, and how to bring them together. */
export type GenerateMotionInput = {
  /** Which input decides how the character is turned. */
  characterOrientation?: CharacterOrientation;
  /** 1 to 255 visible ASCII characters, unique for what you want done. The same key with the same input answers the same job instead of making another; with another input it is refused. After the job was deleted the key stays spent for a while (by default 30 days): the same input is refused with JOB_DELETED. The header `Idempotency-Key` does the same for a document with one `generateMotion`; there `"k"`, a string of RFC 8941, is the key `k`. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The character: JPG, JPEG or PNG, at most 50 MB, each side at least 300 pixels, ratio between 1:2.5 and 2.5:1. The upstream fetches it, so the host must be public; no user name or password in the URL. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is refused. */
  imageUrl: Scalars['URL']['input'];
  /** Whether to keep the sound of the motion video. */
  keepOriginalSound?: Scalars['Boolean']['input'];
  /** Up to 16 of the client's own references, to filter by. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** The quality of the video. */
  mode?: MotionMode;
  /** A model of the upstream, such as `kling-v2-6` or `kling-v3`: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`. Leave it out to let the upstream choose. */
  model?: InputMaybe<Scalars['String']['input']>;
  /** What to see beside the motion, at most 2,500 characters. */
  prompt?: InputMaybe<Scalars['String']['input']>;
  /** The motion: MP4 or MOV, at most 100 MB, sides of 340 to 3,850 pixels, one unbroken shot of 3 to 10 seconds (orientation IMAGE) or 3 to 30 seconds (VIDEO). The upstream fetches it, so the host must be public; no user name or password in the URL. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is refused. */
  videoUrl: Scalars['URL']['input'];
  /** Whether the video shall carry a watermark. */
  watermark?: Scalars['Boolean']['input'];
  /** Where to tell of its end: a webhook of the type succeeded, failed or canceled, signed with the secret that `webhookSecret` shows, beside the endpoints of the account. A public host, unless the operator allows others; redirects are not followed. */
  webhookUrl?: InputMaybe<Scalars['URL']['input']>;
};

/** What came of a request to generate. */
export type GenerateMotionPayload = {
  __typename?: 'GenerateMotionPayload';
  /** The job; null when `userErrors` has entries. It is committed: it exists and reaches an end, whatever happens. */
  job?: Maybe<MotionJob>;
  /** True when the idempotency key had been used for the same input: `job` is the job of then, as it is now. */
  replayed: Scalars['Boolean']['output'];
  /** All that is wrong with the input; nothing was stored or spent. */
  userErrors: Array<UserError>;
};

/** The idempotency key was used before with another input. */
export type IdempotencyKeyReused = UserError & {
  __typename?: 'IdempotencyKeyReused';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** A field of the input breaks a rule. All violations are in one answer. */
export type InvalidInput = UserError & {
  __typename?: 'InvalidInput';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** What came of making a key. */
export type IssueApiKeyPayload = {
  __typename?: 'IssueApiKeyPayload';
  /** What is known of it from now on. */
  apiKey?: Maybe<ApiKey>;
  /** The key itself. It is shown this once and cannot be had again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** The job of the idempotency key, which had the same input, was deleted. */
export type JobDeleted = UserError & {
  __typename?: 'JobDeleted';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** Something that was done or heard about a job. */
export type JobEvent = {
  __typename?: 'JobEvent';
  /** When it was recorded. */
  at: Scalars['DateTime']['output'];
  /** Which attempt to submit it is about, from 1. */
  attempt?: Maybe<Scalars['Int']['output']>;
  /** ATTEMPT_ENDED: the status of the upstream's answer, if there was one. */
  httpStatus?: Maybe<Scalars['Int']['output']>;
  /** Opaque, unique and stable. Events are ordered by their position in the list, not by id. */
  id: Scalars['ID']['output'];
  /** For people. Not to be parsed. */
  message?: Maybe<Scalars['String']['output']>;
  /** Where it took the job; null when the job stayed where it was. */
  state?: Maybe<MotionJobState>;
  /** ATTEMPT_ENDED: how. */
  submitEnd?: Maybe<SubmitEnd>;
  /** What it was. */
  type: JobEventType;
  /** What the upstream's support asks for. */
  upstreamTraceId?: Maybe<Scalars['String']['output']>;
  /** CALLBACK and CLAIM_JUDGED: what became of it. */
  verdict?: Maybe<CallbackVerdict>;
  /** The job's version after it. */
  version: Scalars['Int']['output'];
};

/** A page of a timeline, oldest first. */
export type JobEventConnection = {
  __typename?: 'JobEventConnection';
  /** The events with their cursors. */
  edges: Array<JobEventEdge>;
  /** The events alone. */
  nodes: Array<JobEvent>;
  /** Where the page lies. */
  pageInfo: PageInfo;
};

/** An event in a timeline. */
export type JobEventEdge = {
  __typename?: 'JobEventEdge';
  /** Opaque; stays valid when events are added. */
  cursor: Scalars['String']['output'];
  /** The event. */
  node: JobEvent;
};

/** What happened to a job. May grow. More values may be added: treat an unknown one as you would a new kind of the same. */
export type JobEventType =
  /** The job was stored. */
  | 'ACCEPTED'
  /** An attempt to submit it began; from here on it may have arrived. */
  | 'ATTEMPT_BEGUN'
  /** The attempt ended; see `submitEnd`. */
  | 'ATTEMPT_ENDED'
  /** The upstream called back, with a body that had not come before; see `verdict`. */
  | 'CALLBACK'
  /** The job was canceled. */
  | 'CANCELED'
  /** The client asked to cancel while an attempt was under way. */
  | 'CANCEL_REQUESTED'
  /** A look-up judged what a callback had claimed; see `verdict`. */
  | 'CLAIM_JUDGED'
  /** A deadline passed. */
  | 'DEADLINE'
  /** Whoever made the attempt did not say how it ended. */
  | 'LEASE_EXPIRED'
  /** A listing of the upstream's tasks found the task. */
  | 'LISTING'
  /** A look-up changed something. */
  | 'POLL';

/** The client's own reference on a job. */
export type Label = {
  __typename?: 'Label';
  /** 1 to 64 characters of `a-z`, `0-9`, `_`, `.` and `-`. */
  key: Scalars['String']['output'];
  /** Up to 256 characters. */
  value: Scalars['String']['output'];
};

/** The client's own reference on a job. */
export type LabelInput = {
  /** 1 to 64 characters of `a-z`, `0-9`, `_`, `.` and `-`; each key once. */
  key: Scalars['String']['input'];
  /** Up to 256 characters. */
  value: Scalars['String']['input'];
};

/** Why a job ended without a video. */
export type MotionFailure = {
  __typename?: 'MotionFailure';
  /** What the job cost at the upstream, as far as it is known. */
  charge: ChargeStatus;
  /** What to branch on. */
  code: MotionFailureCode;
  /** False when the failure is our own guess: a result that comes within 24 hours still lifts the job to SUCCEEDED. */
  final: Scalars['Boolean']['output'];
  /** For people: the upstream's own words where it gave any. Not to be parsed. */
  message: Scalars['String']['output'];
  /** The upstream's own code. */
  upstreamCode?: Maybe<Scalars['String']['output']>;
  /** What the upstream's support asks for. */
  upstreamTraceId?: Maybe<Scalars['String']['output']>;
  /** Whether the same input, as a new job, has a fair chance. */
  worthRetrying: Scalars['Boolean']['output'];
};

/** Why a job failed. More values may be added: treat an unknown one as you would a new kind of the same. */
export type MotionFailureCode =
  /** The upstream's content moderation refused the input. */
  | 'CONTENT_REJECTED'
  /** The upstream could not use the image or the video: see the limits at `imageUrl` and `videoUrl`. */
  | 'INVALID_MEDIA'
  /** The upstream reports success without a video. */
  | 'MISSING_RESULT'
  /** The job waited in the queue until its deadline; nothing was spent. */
  | 'QUEUE_EXPIRED'
  /** The submit was never answered, so it is not known whether the upstream took the job. */
  | 'SUBMIT_OUTCOME_UNKNOWN'
  /** The upstream did not finish before the deadline. */
  | 'TIMED_OUT'
  /** The job was accepted for another upstream than the gateway has now, and was never submitted. */
  | 'UPSTREAM_CHANGED'
  /** The upstream took the job and failed at it. */
  | 'UPSTREAM_FAILED'
  /** The upstream took the job and no longer knows it. */
  | 'UPSTREAM_LOST'
  /** The upstream refused the request. */
  | 'UPSTREAM_REJECTED';

/** One generation: a character from an image, moving as in a video. */
export type MotionJob = Node & {
  __typename?: 'MotionJob';
  /** Which input decides how the character is turned. */
  characterOrientation: CharacterOrientation;
  /** When it ended. */
  completedAt?: Maybe<Scalars['DateTime']['output']>;
  /** When it was accepted. */
  createdAt: Scalars['DateTime']['output'];
  /** When it is likely to be done, from how long the last jobs took. Null when it has ended, or when there is nothing to guess from. Computed when it is read. */
  estimatedCompletionAt?: Maybe<Scalars['DateTime']['output']>;
  /** Set when the state is FAILED. */
  failure?: Maybe<MotionFailure>;
  /** A UUIDv7: unique, and later ones sort after earlier ones. */
  id: Scalars['ID']['output'];
  /** The key that the job was accepted with. */
  idempotencyKey?: Maybe<Scalars['String']['output']>;
  /** The character. */
  imageUrl: Scalars['URL']['output'];
  /** Whether the job has ended: SUCCEEDED, FAILED or CANCELED. */
  isTerminal: Scalars['Boolean']['output'];
  /** Whether the sound of the motion video is kept. */
  keepOriginalSound: Scalars['Boolean']['output'];
  /** The client's own references, in order of their keys. */
  labels: Array<Label>;
  /** The quality of the video. */
  mode: MotionMode;
  /** The upstream's model; null leaves the choice to the upstream. */
  model?: Maybe<Scalars['String']['output']>;
  /** What was asked for in words. */
  prompt?: Maybe<Scalars['String']['output']>;
  /** Its place in the queue, the next one being 1; 1000 means 1,000 or more. Null when it is not QUEUED. Accounts take turns, so it may go back by a few. Computed when it is read. */
  queuePosition?: Maybe<Scalars['Int']['output']>;
  /** True when the sandbox made it: the video is a sample and nothing was paid. */
  sandbox: Scalars['Boolean']['output'];
  /** Who told us how the job ended. */
  settledBy?: Maybe<SettledBy>;
  /** Where the job is in its life. */
  state: MotionJobState;
  /** When the upstream was known to have taken it. */
  submittedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The upstream's id, once it is known. */
  taskId?: Maybe<Scalars['ID']['output']>;
  /** What was done and heard about it, oldest first. */
  timeline?: Maybe<JobEventConnection>;
  /** When it last changed. */
  updatedAt: Scalars['DateTime']['output'];
  /** Rises by one with every change. Of two answers about one job the one with the higher version is newer. */
  version: Scalars['Int']['output'];
  /** Set when the state is SUCCEEDED. */
  video?: Maybe<MotionVideo>;
  /** The motion. */
  videoUrl: Scalars['URL']['output'];
  /** Whether the video carries a watermark. */
  watermark: Scalars['Boolean']['output'];
  /** Where its end is told, beside the endpoints of the account. */
  webhookUrl?: Maybe<Scalars['URL']['output']>;
};


/** One generation: a character from an image, moving as in a video. */
export type MotionJobTimelineArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};

/** A page of jobs, newest first. */
export type MotionJobConnection = {
  __typename?: 'MotionJobConnection';
  /** The jobs with their cursors. */
  edges: Array<MotionJobEdge>;
  /** The jobs alone. */
  nodes: Array<MotionJob>;
  /** Where the page lies. */
  pageInfo: PageInfo;
  /** A cursor that was taken before the first page was read; the pages after it repeat it. `jobsUpdated(after:)` yields every change since then. Null for a client token that is limited to certain jobs. */
  updatesCursor?: Maybe<Scalars['String']['output']>;
};

/** A job in a list. */
export type MotionJobEdge = {
  __typename?: 'MotionJobEdge';
  /** Opaque; stays valid when jobs are added. */
  cursor: Scalars['String']['output'];
  /** The job. */
  node: MotionJob;
};

/** Which jobs; all given conditions must hold. */
export type MotionJobFilter = {
  /** Accepted after this. */
  createdAfter?: InputMaybe<Scalars['DateTime']['input']>;
  /** Accepted before this. */
  createdBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** One of these, at most 100. */
  ids?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** With all of these labels, at most 16. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** Of one of these modes. */
  modes?: InputMaybe<Array<MotionMode>>;
  /** In one of these states. */
  states?: InputMaybe<Array<MotionJobState>>;
};

/** Where a job is in its life. More values may be added: treat an unknown one as you would a new kind of the same. */
export type MotionJobState =
  /** Canceled before it was submitted; nothing was spent. */
  | 'CANCELED'
  /** Ended without a video: `failure` says why. When `failure.final` is false a late result may still lift it to SUCCEEDED. */
  | 'FAILED'
  /** The upstream has taken it. This includes waiting there; 1 to 5 minutes in all are usual. */
  | 'PROCESSING'
  /** Accepted and stored; waiting for a place at the upstream. The only state that can be canceled. */
  | 'QUEUED'
  /** Being handed to the upstream at this moment. */
  | 'SUBMITTING'
  /** Done: `video` is set. */
  | 'SUCCEEDED'
  /** The submit was sent and its answer was lost: the upstream may have taken the job. A callback, a look-up or the deadline decides; it is sent again only if its own answer, heard late, says that it surely did not arrive. */
  | 'UNCONFIRMED';

/** A change of one of the account's jobs. */
export type MotionJobUpdate = {
  __typename?: 'MotionJobUpdate';
  /** The `after` to go on from when this update has been dealt with. Opaque, at most 4,096 characters, good at every instance and after restarts; it does not expire. */
  cursor: Scalars['String']['output'];
  /** The job, in its newest version. */
  job: MotionJob;
};

/** The quality of the video. More values may be added: treat an unknown one as you would a new kind of the same. */
export type MotionMode =
  /** High quality, 1080p; slower and dearer. */
  | 'PRO'
  /** Standard, 720p. */
  | 'STD';

/** The result of a job. */
export type MotionVideo = {
  __typename?: 'MotionVideo';
  /** In seconds, as the upstream measured it. */
  durationSeconds?: Maybe<Scalars['Float']['output']>;
  /** The upstream's id of the video. */
  id: Scalars['ID']['output'];
  /** Where to fetch the MP4: a signed link that expires. Copy the file if you want to keep it. */
  url: Scalars['URL']['output'];
  /** The upstream clears results after 30 days. */
  urlExpiresAt?: Maybe<Scalars['DateTime']['output']>;
};

export type Mutation = {
  __typename?: 'Mutation';
  /** Applies for access: an account and its first API key at once. Needs no key; answers FORBIDDEN where access is given by an administrator, and RATE_LIMITED after too many applications from one address. */
  acquireAccess?: Maybe<AcquireAccessPayload>;
  /** Makes a pending or disabled account active. For administrators. */
  approveAccount?: Maybe<ChangeAccountPayload>;
  /** Cancels a QUEUED job. The upstream cannot stop what it has taken. Canceling a canceled job is no error. */
  cancelMotionJob?: Maybe<CancelMotionJobPayload>;
  /** Makes an active account and its first key. For administrators. */
  createAccount?: Maybe<CreateAccountPayload>;
  /** Makes a key for the account. Needs `account:admin`. */
  createApiKey?: Maybe<IssueApiKeyPayload>;
  /** Mints a token that is safe to give to a browser. Needs an API key with the scopes that the token is to have. */
  createClientToken?: Maybe<CreateClientTokenPayload>;
  /** Has a URL told what becomes of the account's jobs, by Standard Webhooks 1.0. Needs `account:admin`. */
  createWebhookEndpoint?: Maybe<WebhookEndpointPayload>;
  /** Deletes a job that has ended, with its timeline and the callbacks that came for it; it cannot be brought back. Its idempotency key stays spent for as long as the gateway keeps such keys (`KEEP_SPENT_KEYS_DAYS`, 30 days unless the operator chose otherwise): the same input answers JOB_DELETED. The video stays at the upstream until it expires there: who has its link can fetch it until then. Of a FAILED job whose `failure.final` is false a late result would still have come; nobody hears of it any more, although it may have been paid for. Deleting again answers NOT_FOUND. */
  deleteMotionJob?: Maybe<DeleteMotionJobPayload>;
  /** Deletes an endpoint. Needs `account:admin`. */
  deleteWebhookEndpoint?: Maybe<DeleteWebhookEndpointPayload>;
  /** Ends what the keys and tokens of an account open, at once. Its jobs go on. For administrators. */
  disableAccount?: Maybe<ChangeAccountPayload>;
  /** Accepts a job and answers as soon as it is stored, without waiting for the upstream. Follow it with `jobUpdated`. Repeat it safely with an idempotency key. */
  generateMotion?: Maybe<GenerateMotionPayload>;
  /** Delivers again, at once, with the same `webhook-id` and the same body. Needs `jobs:write`. */
  redeliverWebhook?: Maybe<RedeliverWebhookPayload>;
  /** Ends a key at once; sockets that it has opened are closed with 4403 within a minute. Needs `account:admin`. */
  revokeApiKey?: Maybe<RevokeApiKeyPayload>;
  /** Ends all client tokens of the account at once; sockets that they have opened are closed with 4403 within a minute. Needs `account:admin`. */
  revokeClientTokens?: Maybe<RevokeClientTokensPayload>;
  /** Makes a key like an old one, which ends after the overlap. Needs `account:admin`. */
  rotateApiKey?: Maybe<IssueApiKeyPayload>;
  /** Makes a new secret; the one until now signs beside it for 24 hours. Needs `account:admin`. */
  rotateWebhookSecret?: Maybe<RotateWebhookSecretPayload>;
  /** Changes what an account may use. For administrators. */
  setQuota?: Maybe<ChangeAccountPayload>;
  /** Sends an endpoint a `webhook.test`, signed like every other. Needs `account:admin`. */
  testWebhookEndpoint?: Maybe<TestWebhookEndpointPayload>;
  /** Changes an endpoint. Needs `account:admin`. */
  updateWebhookEndpoint?: Maybe<WebhookEndpointPayload>;
};


export type MutationAcquireAccessArgs = {
  input: AcquireAccessInput;
};


export type MutationApproveAccountArgs = {
  input: AccountQuotaInput;
};


export type MutationCancelMotionJobArgs = {
  input: CancelMotionJobInput;
};


export type MutationCreateAccountArgs = {
  input: CreateAccountInput;
};


export type MutationCreateApiKeyArgs = {
  input: CreateApiKeyInput;
};


export type MutationCreateClientTokenArgs = {
  input: CreateClientTokenInput;
};


export type MutationCreateWebhookEndpointArgs = {
  input: CreateWebhookEndpointInput;
};


export type MutationDeleteMotionJobArgs = {
  input: DeleteMotionJobInput;
};


export type MutationDeleteWebhookEndpointArgs = {
  input: WebhookEndpointInput;
};


export type MutationDisableAccountArgs = {
  input: DisableAccountInput;
};


export type MutationGenerateMotionArgs = {
  input: GenerateMotionInput;
};


export type MutationRedeliverWebhookArgs = {
  input: RedeliverWebhookInput;
};


export type MutationRevokeApiKeyArgs = {
  input: RevokeApiKeyInput;
};


export type MutationRotateApiKeyArgs = {
  input: RotateApiKeyInput;
};


export type MutationRotateWebhookSecretArgs = {
  input: RotateWebhookSecretInput;
};


export type MutationSetQuotaArgs = {
  input: AccountQuotaInput;
};


export type MutationTestWebhookEndpointArgs = {
  input: WebhookEndpointInput;
};


export type MutationUpdateWebhookEndpointArgs = {
  input: UpdateWebhookEndpointInput;
};

/** Anything that has an id of its own. */
export type Node = {
  /** A UUIDv7: unique, and later ones sort after earlier ones. */
  id: Scalars['ID']['output'];
};

/** Where a page lies in its list. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The cursor of the last entry: the `after` of the next page. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether there are more after this page. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Always false: lists are read forward only. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first entry. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

export type Query = {
  __typename?: 'Query';
  /** One account; null when there is none. For administrators. */
  account?: Maybe<Account>;
  /** All accounts, newest first, forward only. For administrators. */
  accounts?: Maybe<AccountConnection>;
  /** One job; null when there is none with this id, or when it is somebody else's. */
  motionJob?: Maybe<MotionJob>;
  /** The account's jobs, newest first, forward only. */
  motionJobs?: Maybe<MotionJobConnection>;
  /** Anything by its id; null when there is none, or when it is somebody else's. */
  node?: Maybe<Node>;
  /** Who asks, by the key or token that was presented. Needs `jobs:read`, of all jobs. */
  viewer?: Maybe<Viewer>;
  /** What was told, newest first, with every try. Needs `jobs:read`, of all jobs. */
  webhookDeliveries?: Maybe<WebhookDeliveryConnection>;
  /** The account's endpoints, newest first. Needs `account:admin`. */
  webhookEndpoints?: Maybe<Array<WebhookEndpoint>>;
  /** The secret that signs now. Null when there is no such endpoint. Needs `account:admin`. */
  webhookSecret?: Maybe<Scalars['String']['output']>;
};


export type QueryAccountArgs = {
  id: Scalars['ID']['input'];
};


export type QueryAccountsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};


export type QueryMotionJobArgs = {
  id: Scalars['ID']['input'];
};


export type QueryMotionJobsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MotionJobFilter>;
  first?: Scalars['Int']['input'];
};


export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


export type QueryWebhookDeliveriesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  endpointId?: InputMaybe<Scalars['ID']['input']>;
  first?: Scalars['Int']['input'];
  jobId?: InputMaybe<Scalars['ID']['input']>;
};


export type QueryWebhookSecretArgs = {
  endpointId?: InputMaybe<Scalars['ID']['input']>;
};

/** How many jobs an account may have. A job is reserved when it is accepted, used when it succeeds, and given back at any other end. */
export type Quota = {
  __typename?: 'Quota';
  /** Jobs that may ever be used; null is no limit. */
  limit?: Maybe<Scalars['Int']['output']>;
  /** Jobs that may be accepted in a month of UTC; null is no limit. */
  monthlyLimit?: Maybe<Scalars['Int']['output']>;
  /** Jobs that were accepted this month and not given back. */
  monthlyUsed: Scalars['Int']['output'];
  /** Jobs that may be accepted now; null is no limit. */
  remaining?: Maybe<Scalars['Int']['output']>;
  /** Jobs that were accepted and have not ended. */
  reserved: Scalars['Int']['output'];
  /** When the next month begins; null without a monthly limit. */
  resetsAt?: Maybe<Scalars['DateTime']['output']>;
  /** Jobs that have succeeded. May exceed `limit` by jobs whose result came after they had failed. */
  used: Scalars['Int']['output'];
};

/** The quota of the account is used up. */
export type QuotaExhausted = UserError & {
  __typename?: 'QuotaExhausted';
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
  /** Jobs that are left. */
  remaining: Scalars['Int']['output'];
};

/** Which delivery. */
export type RedeliverWebhookInput = {
  /** The delivery's id. */
  deliveryId: Scalars['ID']['input'];
};

/** What came of asking for a delivery again. */
export type RedeliverWebhookPayload = {
  __typename?: 'RedeliverWebhookPayload';
  /** The delivery, which is due now, with all its tries anew. */
  delivery?: Maybe<WebhookDelivery>;
  /** Why it is not. */
  userErrors: Array<UserError>;
};

/** Which key to end. */
export type RevokeApiKeyInput = {
  /** The key's id. */
  id: Scalars['ID']['input'];
};

/** What came of revoking a key. */
export type RevokeApiKeyPayload = {
  __typename?: 'RevokeApiKeyPayload';
  /** The key, which opens nothing any more. */
  apiKey?: Maybe<ApiKey>;
  /** Why it was not revoked. */
  userErrors: Array<UserError>;
};

/** What came of ending the client tokens. */
export type RevokeClientTokensPayload = {
  __typename?: 'RevokeClientTokensPayload';
  /** The account, all of whose tokens until now are worth nothing. */
  account?: Maybe<Account>;
};

/** Which key to replace. */
export type RotateApiKeyInput = {
  /** The old key's id. */
  id: Scalars['ID']['input'];
  /** How long the old key goes on, 0 to 2,592,000 seconds. */
  overlapSeconds?: Scalars['Int']['input'];
};

/** Whose secret. */
export type RotateWebhookSecretInput = {
  /** The endpoint's id; without it the secret of jobs' own `webhookUrl`. */
  endpointId?: InputMaybe<Scalars['ID']['input']>;
};

/** A new secret. */
export type RotateWebhookSecretPayload = {
  __typename?: 'RotateWebhookSecretPayload';
  /** The new secret. For 24 hours the one before signs beside it. */
  secret?: Maybe<Scalars['String']['output']>;
  /** Why there is none. */
  userErrors: Array<UserError>;
};

/** What a key or a client token may do for its account. More values may be added: treat an unknown one as you would a new kind of the same. */
export type Scope =
  /** `account:admin`: make, rotate and revoke keys, end client tokens, and have webhook endpoints. Never in a client token. */
  | 'ACCOUNT_ADMIN'
  /** `jobs:read`: read and watch jobs, and see the quota. */
  | 'JOBS_READ'
  /** `jobs:write`: have jobs generated, canceled and deleted, and see the jobs that these mutations answer. */
  | 'JOBS_WRITE';

/** Who told us how a job ended. More values may be added: treat an unknown one as you would a new kind of the same. */
export type SettledBy =
  /** The upstream's callback. */
  | 'CALLBACK'
  /** The client canceled it. */
  | 'CANCEL'
  /** A deadline of ours passed. */
  | 'DEADLINE'
  /** A listing of the upstream's tasks, where ours was found by the callback URL that it echoes. */
  | 'LISTING'
  /** A look-up at the upstream. */
  | 'POLL'
  /** The answer to the submit itself. */
  | 'SUBMIT_ANSWER';

/** How an attempt to submit ended, by whether it may have arrived. More values may be added: treat an unknown one as you would a new kind of the same. */
export type SubmitEnd =
  /** The upstream took it. */
  | 'ACCEPTED'
  /** It may have arrived, so it is never sent again. */
  | 'AMBIGUOUS'
  /** It surely did not arrive, and is tried again. */
  | 'NEVER_SENT'
  /** The upstream said no; it is tried again only when the job was not at fault. */
  | 'REFUSED';

export type Subscription = {
  __typename?: 'Subscription';
  /** The job as it is, then every newer state; completes after a terminal one, or when the job is deleted. States that follow each other faster than the client reads are skipped, but the newest is always sent. If it completes after a state that is not terminal, the job was deleted, or the database has lost it: read `motionJob` before you submit it again. */
  jobUpdated: MotionJob;
  /** Every change of every job of the account, new jobs among them; it never completes. An update comes at least once: drop it when its `version` is not higher than the one you have. Versions that follow each other faster than the client reads are skipped, but the newest is always sent. Deletions are not reported: if a job is deleted before you have read its last change, you receive no more updates for it. To miss nothing, list the jobs, subscribe with the `updatesCursor` of the list, and after a reconnect with the `cursor` of the last update. If you delete jobs, query `motionJobs` after each reconnect with the `ids` of the jobs that you believe to be unfinished. */
  jobsUpdated: MotionJobUpdate;
};


export type SubscriptionJobUpdatedArgs = {
  afterVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
};


export type SubscriptionJobsUpdatedArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
};

/** What came of asking for a test. */
export type TestWebhookEndpointPayload = {
  __typename?: 'TestWebhookEndpointPayload';
  /** The delivery, which is on its way: `webhookDeliveries` tells what became of it. */
  deliveryId?: Maybe<Scalars['ID']['output']>;
  /** Why there is none. */
  userErrors: Array<UserError>;
};

/** What to change of an endpoint; the rest stays. */
export type UpdateWebhookEndpointInput = {
  /** True enables it, however it was disabled; false disables it and stops what waits. */
  enabled?: InputMaybe<Scalars['Boolean']['input']>;
  /** What to tell from now on. */
  eventTypes?: InputMaybe<Array<WebhookEventType>>;
  /** The endpoint's id. */
  id: Scalars['ID']['input'];
  /** Where to tell it from now on, what waits among it. */
  url?: InputMaybe<Scalars['URL']['input']>;
};

/** What was charged, of one day, mode or model. */
export type UsageBucket = {
  __typename?: 'UsageBucket';
  /** Seconds of video, which is what the upstream bills; the duration of each job is rounded to milliseconds. */
  billedSeconds: Scalars['Float']['output'];
  /** Jobs that succeeded. */
  jobs: Scalars['Int']['output'];
  /** The day as `YYYY-MM-DD`, the mode or the model; null where the upstream chose the model. */
  key?: Maybe<Scalars['String']['output']>;
};

/** What usage is grouped by. More values may be added: treat an unknown one as you would a new kind of the same. */
export type UsageBy =
  /** The day of UTC on which the job succeeded. */
  | 'DAY'
  /** The mode of the job. */
  | 'MODE'
  /** The model of the job; null where the upstream chose it. */
  | 'MODEL';

/** A failure that the client can act on. */
export type UserError = {
  /** What to branch on. */
  code: UserErrorCode;
  /** Where in the arguments, such as `["input", "labels", "0", "key"]`. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** For people. Not to be parsed. */
  message: Scalars['String']['output'];
};

/** What a client can act on. More values may be added: treat an unknown one as you would a new kind of the same. */
export type UserErrorCode =
  /** The job is being submitted at this moment, or its submit was never answered. It is canceled if that attempt surely did not arrive, and goes on otherwise. */
  | 'CANCEL_REQUESTED'
  /** Occurs more than once. */
  | 'DUPLICATE'
  /** The webhook endpoint is disabled, or is there no more. */
  | 'ENDPOINT_DISABLED'
  /** The idempotency key was used before with another input. Nothing was accepted. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** Not of the form that the field asks for. */
  | 'INVALID_FORMAT'
  /** Not an absolute http(s) URL. */
  | 'INVALID_URL'
  /** The job of this idempotency key was deleted. Nothing was accepted; use a new key for a new job. */
  | 'JOB_DELETED'
  /** Too late: the upstream has the job, or it has ended. */
  | 'NOT_CANCELABLE'
  /** There is nothing with this id. */
  | 'NOT_FOUND'
  /** The job has not ended. */
  | 'NOT_TERMINAL'
  /** The URL names a private, local or otherwise special host. */
  | 'PRIVATE_ADDRESS'
  /** No job is left of the quota of the account. Nothing was accepted. */
  | 'QUOTA_EXHAUSTED'
  /** Longer than the field allows. */
  | 'TOO_LONG'
  /** More entries than the field allows. */
  | 'TOO_MANY'
  /** The URL carries a user name or a password. */
  | 'URL_HAS_CREDENTIALS';

/** Who asks. */
export type Viewer = {
  __typename?: 'Viewer';
  /** The account of the key or token. */
  account: Account;
  /** Its keys, those first that open something, then those that have ended, each the newest first. Needs `account:admin`. */
  keys?: Maybe<Array<ApiKey>>;
  /** What is left to it. */
  quota: Quota;
  /** What was charged from one time until before another, at most 366 days apart. */
  usage?: Maybe<Array<UsageBucket>>;
};


/** Who asks. */
export type ViewerKeysArgs = {
  first?: Scalars['Int']['input'];
};


/** Who asks. */
export type ViewerUsageArgs = {
  by?: UsageBy;
  from: Scalars['DateTime']['input'];
  to: Scalars['DateTime']['input'];
};

/** One try of a delivery. */
export type WebhookAttempt = {
  __typename?: 'WebhookAttempt';
  /** When it had come to its end. */
  at: Scalars['DateTime']['output'];
  /** Why nothing was answered: `BLOCKED` (not a public address), `NOT_RESOLVED`, `NOT_CONNECTED`, `TLS`, `TIMED_OUT`, `RESET` and others. */
  failure?: Maybe<Scalars['String']['output']>;
  /** What the receiver answered; null when it did not. */
  httpStatus?: Maybe<Scalars['Int']['output']>;
  /** How long it took, in ms. */
  latencyMs: Scalars['Int']['output'];
  /** Counted from 1. */
  number: Scalars['Int']['output'];
};

/** An event on its way to one receiver. */
export type WebhookDelivery = {
  __typename?: 'WebhookDelivery';
  /** All its tries, oldest first. */
  attempts: Array<WebhookAttempt>;
  /** When the event happened. */
  createdAt: Scalars['DateTime']['output'];
  /** The endpoint; null for a job's own `webhookUrl`. */
  endpointId?: Maybe<Scalars['ID']['output']>;
  /** The header `webhook-id`, the same on every try. */
  eventId: Scalars['ID']['output'];
  /** What it tells of. */
  eventType: WebhookEventType;
  /** Its id, for `redeliverWebhook`. */
  id: Scalars['ID']['output'];
  /** The job; null for a test. */
  jobId?: Maybe<Scalars['ID']['output']>;
  /** When it is tried next; soon after now while it is tried. Null when it is not. */
  nextAttemptAt?: Maybe<Scalars['DateTime']['output']>;
  /** How it stands. */
  state: WebhookDeliveryState;
  /** Where it goes. */
  url: Scalars['URL']['output'];
};

/** A page of deliveries. */
export type WebhookDeliveryConnection = {
  __typename?: 'WebhookDeliveryConnection';
  /** Newest first. */
  nodes: Array<WebhookDelivery>;
  /** Where the page is. */
  pageInfo: PageInfo;
};

/** How a delivery stands. More values may be added: treat an unknown one as you would a new kind of the same. */
export type WebhookDeliveryState =
  /** It was answered with 2xx. */
  | 'DELIVERED'
  /** It is tried, or tried again, at `nextAttemptAt`. */
  | 'DUE'
  /** It was tried as often as it may be, or answered 410. */
  | 'FAILED'
  /** Its endpoint was disabled or deleted. */
  | 'STOPPED';

/** Why an endpoint is disabled. More values may be added: treat an unknown one as you would a new kind of the same. */
export type WebhookDisabledReason =
  /** Its owner wished it. */
  | 'BY_OWNER'
  /** Nothing was delivered for five days, or as long as the operator chose. */
  | 'FAILING'
  /** It answered 410. */
  | 'GONE';

/** A URL of the client's that is told what becomes of the account's jobs. */
export type WebhookEndpoint = {
  __typename?: 'WebhookEndpoint';
  /** When it was made. */
  createdAt: Scalars['DateTime']['output'];
  /** Since when it is disabled. */
  disabledAt?: Maybe<Scalars['DateTime']['output']>;
  /** Why it is disabled. */
  disabledReason?: Maybe<WebhookDisabledReason>;
  /** What it is told of. */
  eventTypes: Array<WebhookEventType>;
  /** Since when every delivery has failed; null when the last one has not. */
  failingSince?: Maybe<Scalars['DateTime']['output']>;
  /** Its id. */
  id: Scalars['ID']['output'];
  /** Whether it is told anything. */
  status: WebhookEndpointStatus;
  /** Where it is. */
  url: Scalars['URL']['output'];
};

/** Which endpoint. */
export type WebhookEndpointInput = {
  /** The endpoint's id. */
  id: Scalars['ID']['input'];
};

/** What came of making or changing an endpoint. */
export type WebhookEndpointPayload = {
  __typename?: 'WebhookEndpointPayload';
  /** The endpoint as it is now. */
  endpoint?: Maybe<WebhookEndpoint>;
  /** Of a new endpoint, what it verifies signatures with: `whsec_` and base64. */
  secret?: Maybe<Scalars['String']['output']>;
  /** All that is wrong with the input. */
  userErrors: Array<UserError>;
};

/** Whether an endpoint is told anything. More values may be added: treat an unknown one as you would a new kind of the same. */
export type WebhookEndpointStatus =
  /** It is told. */
  | 'ACTIVE'
  /** It is told nothing; `disabledReason` says why. What was on its way has stopped and can be delivered again once it is enabled. */
  | 'DISABLED';

/** What a webhook tells of. More values may be added: treat an unknown one as you would a new kind of the same. */
export type WebhookEventType =
  /** `motion_job.canceled`: the job was canceled. */
  | 'MOTION_JOB_CANCELED'
  /** `motion_job.failed`: the job has failed; `failure.final` says whether a success may still come. */
  | 'MOTION_JOB_FAILED'
  /** `motion_job.processing`: the upstream works on the job. */
  | 'MOTION_JOB_PROCESSING'
  /** `motion_job.succeeded`: the job has a video. It may follow a `failed` that was not final, with a higher version. */
  | 'MOTION_JOB_SUCCEEDED'
  /** `webhook.test`: what `testWebhookEndpoint` sends. It need not be asked for. */
  | 'WEBHOOK_TEST';

export type JobFieldsFragment = { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null };

export type GenerateMotionMutationVariables = Exact<{
  input: GenerateMotionInput;
}>;


export type GenerateMotionMutation = { __typename?: 'Mutation', generateMotion?: { __typename?: 'GenerateMotionPayload', replayed: boolean, job?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null, userErrors: Array<
      | { __typename: 'CancelRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'DeleteRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'IdempotencyKeyReused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'InvalidInput', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'JobDeleted', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'QuotaExhausted', code: UserErrorCode, message: string, field?: Array<string> | null }
    > } | null };

export type FindJobQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type FindJobQuery = { __typename?: 'Query', motionJob?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null };

export type CancelJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type CancelJobMutation = { __typename?: 'Mutation', cancelMotionJob?: { __typename?: 'CancelMotionJobPayload', job?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null, userErrors: Array<
      | { __typename?: 'CancelRefused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'DeleteRefused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'IdempotencyKeyReused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'InvalidInput', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'JobDeleted', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'QuotaExhausted', code: UserErrorCode, field?: Array<string> | null }
    > } | null };

export type DeleteJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type DeleteJobMutation = { __typename?: 'Mutation', deleteMotionJob?: { __typename?: 'DeleteMotionJobPayload', deletedId?: string | null, userErrors: Array<
      | { __typename: 'CancelRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'DeleteRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'IdempotencyKeyReused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'InvalidInput', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'JobDeleted', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'QuotaExhausted', code: UserErrorCode, message: string, field?: Array<string> | null }
    > } | null };

export type WatchJobSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
  afterVersion?: InputMaybe<Scalars['Int']['input']>;
}>;


export type WatchJobSubscription = { __typename?: 'Subscription', jobUpdated: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const JobFieldsFragmentDoc = new TypedDocumentString(`
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}
    `, {"fragmentName":"JobFields"}) as unknown as TypedDocumentString<JobFieldsFragment, unknown>;
export const GenerateMotionDocument = new TypedDocumentString(`
    mutation GenerateMotion($input: GenerateMotionInput!) {
  generateMotion(input: $input) {
    replayed
    job {
      ...JobFields
    }
    userErrors {
      __typename
      code
      message
      field
    }
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<GenerateMotionMutation, GenerateMotionMutationVariables>;
export const FindJobDocument = new TypedDocumentString(`
    query FindJob($id: ID!) {
  motionJob(id: $id) {
    ...JobFields
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<FindJobQuery, FindJobQueryVariables>;
export const CancelJobDocument = new TypedDocumentString(`
    mutation CancelJob($id: ID!) {
  cancelMotionJob(input: {id: $id}) {
    job {
      ...JobFields
    }
    userErrors {
      code
      field
    }
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<CancelJobMutation, CancelJobMutationVariables>;
export const DeleteJobDocument = new TypedDocumentString(`
    mutation DeleteJob($id: ID!) {
  deleteMotionJob(input: {id: $id}) {
    deletedId
    userErrors {
      __typename
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteJobMutation, DeleteJobMutationVariables>;
export const WatchJobDocument = new TypedDocumentString(`
    subscription WatchJob($id: ID!, $afterVersion: Int) {
  jobUpdated(id: $id, afterVersion: $afterVersion) {
    ...JobFields
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<WatchJobSubscription, WatchJobSubscriptionVariables>;
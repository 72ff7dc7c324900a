CREATE TABLE "callbacks" (
	"job_id" uuid NOT NULL,
	"body_hash" text NOT NULL,
	"attempt" integer NOT NULL,
	"task_id" text,
	"body" text NOT NULL,
	"verdict" text NOT NULL,
	"received_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "callbacks_job_id_body_hash_pk" PRIMARY KEY("job_id","body_hash")
);
--> statement-breakpoint
CREATE TABLE "gates" (
	"upstream_id" text PRIMARY KEY NOT NULL,
	"next_submit_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"paused_until" timestamp (3) with time zone,
	"pause_reason" text,
	"pause_count" smallint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"state" text DEFAULT 'QUEUED' NOT NULL,
	"rank" integer DEFAULT 0 NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"upstream_id" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"image_url" text NOT NULL,
	"video_url" text NOT NULL,
	"prompt" text,
	"mode" text NOT NULL,
	"model" text,
	"character_orientation" text NOT NULL,
	"keep_original_sound" boolean NOT NULL,
	"watermark" boolean NOT NULL,
	"labels" jsonb NOT NULL,
	"idempotency_key" text,
	"input_hash" text NOT NULL,
	"task_id" text,
	"video_id" text,
	"result_url" text,
	"duration_seconds" double precision,
	"url_expires_at" timestamp (3) with time zone,
	"failure_code" text,
	"failure_message" text,
	"upstream_code" text,
	"upstream_trace_id" text,
	"charge" text,
	"settled_by" text,
	"lease_expires_at" timestamp (3) with time zone,
	"next_poll_at" timestamp (3) with time zone,
	"task_missing_at" timestamp (3) with time zone,
	"suspicions" smallint DEFAULT 0 NOT NULL,
	"cancel_requested_at" timestamp (3) with time zone,
	"attempted_at" timestamp (3) with time zone,
	"submitted_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "jobs_state" CHECK ("jobs"."state" in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING', 'SUCCEEDED', 'FAILED', 'CANCELED')),
	CONSTRAINT "jobs_success_has_a_video" CHECK (("jobs"."state" = 'SUCCEEDED') = ("jobs"."result_url" is not null)),
	CONSTRAINT "jobs_failure_has_a_code" CHECK (("jobs"."state" = 'FAILED') = ("jobs"."failure_code" is not null))
);
--> statement-breakpoint
ALTER TABLE "callbacks" ADD CONSTRAINT "callbacks_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_idempotency_key" ON "jobs" USING btree ("account_id","idempotency_key") WHERE "jobs"."idempotency_key" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_task_id" ON "jobs" USING btree ("upstream_id","task_id") WHERE "jobs"."task_id" is not null;--> statement-breakpoint
CREATE INDEX "jobs_by_account" ON "jobs" USING btree ("account_id","created_at","id");--> statement-breakpoint
CREATE INDEX "jobs_by_label" ON "jobs" USING gin ("labels" jsonb_path_ops);--> statement-breakpoint
CREATE INDEX "jobs_queued" ON "jobs" USING btree ("upstream_id","created_at","id") WHERE "jobs"."state" = 'QUEUED';--> statement-breakpoint
CREATE INDEX "jobs_to_probe" ON "jobs" USING btree ("upstream_id","attempt","created_at","id") WHERE "jobs"."state" = 'QUEUED';--> statement-breakpoint
CREATE INDEX "jobs_in_flight" ON "jobs" USING btree ("upstream_id","attempted_at") WHERE "jobs"."state" in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED');--> statement-breakpoint
CREATE INDEX "jobs_to_poll" ON "jobs" USING btree ("upstream_id","next_poll_at") WHERE "jobs"."next_poll_at" is not null;
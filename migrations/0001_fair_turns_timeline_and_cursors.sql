CREATE TABLE "job_events" (
	"job_id" uuid NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "job_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"type" text NOT NULL,
	"state" text,
	"version" integer NOT NULL,
	"attempt" integer,
	"submit_end" text,
	"http_status" smallint,
	"upstream_trace_id" text,
	"verdict" text,
	"message" text,
	"at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "job_events_job_id_id_pk" PRIMARY KEY("job_id","id")
);
--> statement-breakpoint
CREATE TABLE "spent_keys" (
	"account_id" text NOT NULL,
	"idempotency_key" text NOT NULL,
	"job_id" uuid NOT NULL,
	"input_hash" text NOT NULL,
	"deleted_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "spent_keys_account_id_idempotency_key_pk" PRIMARY KEY("account_id","idempotency_key")
);
--> statement-breakpoint
CREATE TABLE "turns" (
	"upstream_id" text NOT NULL,
	"account_id" text NOT NULL,
	"last_tag" bigint NOT NULL,
	CONSTRAINT "turns_upstream_id_account_id_pk" PRIMARY KEY("upstream_id","account_id")
);
--> statement-breakpoint
DROP INDEX "jobs_queued";--> statement-breakpoint
DROP INDEX "jobs_to_probe";--> statement-breakpoint
ALTER TABLE "gates" ADD COLUMN "probe" text;--> statement-breakpoint
ALTER TABLE "gates" ADD COLUMN "probed_by" uuid;--> statement-breakpoint
ALTER TABLE "gates" ADD COLUMN "faults" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "gates" ADD COLUMN "virtual_time" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "tag" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "lease_token" uuid;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "work_attempts" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "changed_xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "job_events" ADD CONSTRAINT "job_events_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "job_events_attempt_ended" ON "job_events" USING btree ("job_id","attempt") WHERE "job_events"."type" = 'ATTEMPT_ENDED';--> statement-breakpoint
CREATE INDEX "job_events_by_age" ON "job_events" USING btree ("at");--> statement-breakpoint
CREATE INDEX "spent_keys_by_age" ON "spent_keys" USING btree ("deleted_at");--> statement-breakpoint
CREATE INDEX "callbacks_by_age" ON "callbacks" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "jobs_waiting" ON "jobs" USING btree ("created_at") WHERE "jobs"."state" = 'QUEUED';--> statement-breakpoint
CREATE INDEX "jobs_changed" ON "jobs" USING btree ("account_id","changed_xid","id");--> statement-breakpoint
CREATE INDEX "jobs_succeeded" ON "jobs" USING btree ("upstream_id","completed_at") WHERE "jobs"."state" = 'SUCCEEDED';--> statement-breakpoint
CREATE INDEX "jobs_ended" ON "jobs" USING btree ("completed_at") WHERE "jobs"."completed_at" is not null;--> statement-breakpoint
CREATE INDEX "jobs_queued" ON "jobs" USING btree ("upstream_id","tag","id") WHERE "jobs"."state" = 'QUEUED';--> statement-breakpoint
CREATE INDEX "jobs_to_probe" ON "jobs" USING btree ("upstream_id","attempt","tag","id") WHERE "jobs"."state" = 'QUEUED';
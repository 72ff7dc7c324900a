CREATE TABLE "rest_bodies" (
	"job_id" uuid PRIMARY KEY NOT NULL,
	"body" text NOT NULL,
	"trace_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rest_requests" (
	"job_id" uuid PRIMARY KEY NOT NULL,
	"key_id" uuid NOT NULL,
	"body_hash" text NOT NULL,
	"state" text DEFAULT 'OPEN' NOT NULL,
	"instance_id" uuid NOT NULL,
	"opened_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"asked_at" timestamp (3) with time zone,
	"confirmed_at" timestamp (3) with time zone,
	"unanswered_at" timestamp (3) with time zone,
	CONSTRAINT "rest_requests_state" CHECK ("rest_requests"."state" in ('OPEN', 'ANSWERED', 'UNANSWERED')),
	CONSTRAINT "rest_requests_unanswered_since" CHECK (("rest_requests"."state" = 'UNANSWERED') = ("rest_requests"."unanswered_at" is not null))
);
--> statement-breakpoint
ALTER TABLE "rest_bodies" ADD CONSTRAINT "rest_bodies_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rest_requests" ADD CONSTRAINT "rest_requests_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "rest_requests_to_join" ON "rest_requests" USING btree ("key_id","body_hash","opened_at") WHERE "rest_requests"."state" <> 'ANSWERED';--> statement-breakpoint
CREATE INDEX "rest_requests_asked" ON "rest_requests" USING btree ("instance_id") WHERE "rest_requests"."state" = 'OPEN' and "rest_requests"."asked_at" is not null;--> statement-breakpoint
CREATE INDEX "rest_requests_by_age" ON "rest_requests" USING btree ("opened_at");
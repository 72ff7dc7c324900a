ALTER TABLE "accounts" ADD COLUMN "quota_taken" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "accounts" SET "quota_taken" = "quota_used" + "quota_reserved";--> statement-breakpoint
ALTER TABLE "accounts" DROP CONSTRAINT "accounts_reserved";--> statement-breakpoint
ALTER TABLE "accounts" DROP COLUMN "quota_used";--> statement-breakpoint
ALTER TABLE "accounts" DROP COLUMN "quota_reserved";--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_taken" CHECK ("accounts"."quota_taken" >= 0);--> statement-breakpoint
CREATE INDEX "jobs_submitting" ON "jobs" USING btree ("upstream_id","lease_expires_at") WHERE "jobs"."state" = 'SUBMITTING';--> statement-breakpoint
CREATE INDEX "jobs_open" ON "jobs" USING btree ("account_id") WHERE "jobs"."state" in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING');
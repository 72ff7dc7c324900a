DROP INDEX "webhook_deliveries_by_endpoint";--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "made_to_expire_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due_by_endpoint" ON "webhook_deliveries" USING btree ("endpoint_id") WHERE "webhook_deliveries"."next_attempt_at" is not null;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_by_endpoint" ON "webhook_deliveries" USING btree ("endpoint_id","created_at","id");--> statement-breakpoint
UPDATE "api_keys" SET "made_to_expire_at" = "expires_at";

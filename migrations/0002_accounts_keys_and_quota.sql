CREATE TABLE "account_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "account_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"account_id" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"details" jsonb
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"email" text,
	"status" text NOT NULL,
	"quota_limit" integer,
	"quota_used" integer DEFAULT 0 NOT NULL,
	"quota_reserved" integer DEFAULT 0 NOT NULL,
	"monthly_limit" integer,
	"month" date DEFAULT date_trunc('month', now() at time zone 'UTC')::date NOT NULL,
	"month_taken" integer DEFAULT 0 NOT NULL,
	"token_epoch" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "accounts_status" CHECK ("accounts"."status" in ('ACTIVE', 'PENDING', 'DISABLED')),
	CONSTRAINT "accounts_reserved" CHECK ("accounts"."quota_reserved" >= 0)
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"last_four" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "quota_ledger" (
	"job_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"account_id" text NOT NULL,
	"month" date DEFAULT date_trunc('month', now() at time zone 'UTC')::date NOT NULL,
	"billed_seconds" double precision,
	"mode" text,
	"model" text,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "quota_ledger_job_id_kind_pk" PRIMARY KEY("job_id","kind"),
	CONSTRAINT "quota_ledger_kind" CHECK ("quota_ledger"."kind" in ('RESERVE', 'CHARGE', 'RELEASE', 'LATE_CHARGE'))
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "rate_windows" (
	"subject" text PRIMARY KEY NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"count" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "account_log_by_account" ON "account_log" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "account_log_by_action" ON "account_log" USING btree ("action","at");--> statement-breakpoint
CREATE INDEX "accounts_by_email" ON "accounts" USING btree ("email") WHERE "accounts"."email" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_hash" ON "api_keys" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "api_keys_by_account" ON "api_keys" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "quota_ledger_by_account" ON "quota_ledger" USING btree ("account_id","at");--> statement-breakpoint
-- What was accepted before there were accounts is its; it has no limit.
INSERT INTO "accounts" ("id", "name", "status") VALUES ('default', 'Default', 'ACTIVE');

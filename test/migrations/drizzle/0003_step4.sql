CREATE TYPE "public"."customer_kind" AS ENUM('person', 'company');--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "kind" "customer_kind" DEFAULT 'person' NOT NULL;--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "token" uuid DEFAULT gen_random_uuid() NOT NULL;
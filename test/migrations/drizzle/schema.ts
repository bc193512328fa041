import { bigint, bigserial, boolean, index, integer, jsonb, numeric, pgEnum, pgTable, primaryKey, serial, text, timestamp, uniqueIndex, uuid, varchar } from "drizzle-orm/pg-core";

export const orderState = pgEnum("order_state", ["open", "paid", "shipped"]);

export const customerKind = pgEnum("customer_kind", ["person", "company"]);

export const customers = pgTable("customers", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  email: varchar("email", { length: 200 }).notNull(),
  name: text("name"),
  kind: customerKind("kind").notNull().default("person"),
  token: uuid("token").notNull().defaultRandom(),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
}, (t) => [uniqueIndex("customers_email").on(t.email)]);

export const addresses = pgTable("addresses", {
  id: serial("id").primaryKey(),
  customerId: bigint("customer_id", { mode: "number" }).notNull().references(() => customers.id, { onDelete: "cascade" }),
  street: text("street").notNull(),
  city: text("city").notNull(),
});

export const suppliers = pgTable("suppliers", { id: serial("id").primaryKey(), name: text("name").notNull() });

export const categories = pgTable("categories", { id: serial("id").primaryKey(), title: text("title").notNull() });

export const products = pgTable("products", {
  id: uuid("id").primaryKey().defaultRandom(),
  supplierId: integer("supplier_id").references(() => suppliers.id),
  title: text("title").notNull(),
  price: numeric("price", { precision: 12, scale: 2 }).notNull(),
});

export const productCategories = pgTable("product_categories", {
  productId: uuid("product_id").notNull().references(() => products.id),
  categoryId: integer("category_id").notNull().references(() => categories.id),
}, (t) => [primaryKey({ columns: [t.productId, t.categoryId] })]);

export const orders = pgTable("orders", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  customerId: bigint("customer_id", { mode: "number" }).notNull().references(() => customers.id),
  state: orderState("state").notNull().default("open"),
  quantity: bigint("quantity", { mode: "number" }).notNull().default(1),
  note: text("note").notNull(),
  gift: boolean("gift").notNull().default(false),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
}, (t) => [index("orders_customer").on(t.customerId), index("orders_state").on(t.state)]);

export const orderLines = pgTable("order_lines", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  orderId: bigint("order_id", { mode: "number" }).notNull().references(() => orders.id),
  productId: uuid("product_id").notNull().references(() => products.id),
  amount: integer("amount").notNull(),
});

export const payments = pgTable("payments", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  orderId: bigint("order_id", { mode: "number" }).notNull().references(() => orders.id),
  paid: numeric("paid", { precision: 12, scale: 2 }).notNull(),
});

export const shipments = pgTable("shipments", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  orderId: bigint("order_id", { mode: "number" }).notNull().references(() => orders.id),
  carrier: text("carrier"),
});

export const reviews = pgTable("reviews", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  productId: uuid("product_id").notNull().references(() => products.id),
  stars: integer("stars").notNull(),
  body: text("body"),
});

export const coupons = pgTable("coupons", {
  id: serial("id").primaryKey(),
  customerId: bigint("customer_id", { mode: "number" }).references(() => customers.id),
  code: text("code").notNull().unique(),
});

export const auditEvents = pgTable("audit_events", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  what: jsonb("what").notNull(),
  seen: boolean("seen").notNull().default(false),
});

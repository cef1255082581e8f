const { defineConfig } = require("@medusajs/framework/utils");

// Headless, one process, no Redis: Medusa then keeps events, locks and workflows in memory.
module.exports = defineConfig({
  admin: { disable: true },
  featureFlags: { translation: true },
  modules: [{ resolve: "@medusajs/medusa/translation" }],
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: { ssl: false, connection: { ssl: false } },
    http: {
      storeCors: "http://localhost:8000",
      adminCors: "http://localhost:9000",
      authCors: "http://localhost:9000",
      jwtSecret: process.env.JWT_SECRET,
      cookieSecret: process.env.COOKIE_SECRET,
    },
  },
});

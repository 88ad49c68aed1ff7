// Draws /openapi.json.

SwaggerUIBundle({ url: "/openapi.json", dom_id: "#documentation", deepLinking: true });

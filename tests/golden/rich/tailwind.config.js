// Design tokens for Tailwind CSS 3, measured by Copy That 7.
// Use it as a preset, or list your own files under content.
/** @type {import("tailwindcss").Config} */
module.exports = {
  content: [],
  theme: {
    extend: {
      colors: {
        "primary": "#36c",
        "blue-600": "#2563eb",
        "overlay": "rgb(10 11 12 / 12.16%)",
        "transparent": "rgb(255 255 255 / 0%)",
        "heading": "#abcdef",
        "hero": "#111",
        "white": "#fff",
        "link": "#36c",
        "text-brand": "#36c",
      },
      spacing: {
        "16": "16px",
        "13-5": "13.5px",
        "0": "0px",
        "md": "12px",
        "gutter": "1.25rem",
        "stack": "12px",
        "card-padding": "16px",
      },
      boxShadow: {
        "md": "0 4.5px 12px -1px rgb(0 0 0 / 12%)",
        "hero": "inset -2px 0 0 3px #000",
        "menu": "0 4.5px 12px -1px rgb(0 0 0 / 12%)",
      },
      backgroundImage: {
        "hero": "linear-gradient(135.25deg, #36c 0%, #fff 50%, #93c 100%)",
        "glow": "radial-gradient(circle, #36c 0%, #93c 100%)",
        "banner": "linear-gradient(135.25deg, #36c 0%, #fff 50%, #93c 100%)",
      },
      borderRadius: {
        "8": "8px",
        "2-5": "2.5px",
        "full": "40px",
        "card": "8px",
      },
      fontSize: {
        "typography-heading": ["32px", {"lineHeight": "1.25", "letterSpacing": "-0.64px", "fontWeight": "700"}],
        "body-16": ["16px", {"lineHeight": "1.2", "letterSpacing": "0px", "fontWeight": "400"}],
        "caption-12": ["12px", {"lineHeight": "1.3333", "letterSpacing": "0px", "fontWeight": "400"}],
        "code-13-5": ["13.5px", {"lineHeight": "1.2", "letterSpacing": "0px", "fontWeight": "400"}],
        "bold": ["14px", {"lineHeight": "1.2", "letterSpacing": "0px", "fontWeight": "650"}],
        "bold-font": ["14px", {"lineHeight": "1.2", "letterSpacing": "0px", "fontWeight": "400"}],
        "bold-font-size": ["15px", {"lineHeight": "1.2", "letterSpacing": "0px", "fontWeight": "400"}],
        "display": ["32px", {"lineHeight": "1.25", "letterSpacing": "-0.64px", "fontWeight": "700"}],
      },
      fontFamily: {
        "inter": ["\"Inter\"", "\"Helvetica Neue\"", "sans-serif"],
        "sans": ["sans-serif"],
        "serif": ["serif"],
        "mono": ["monospace"],
        "family-black": ["\"Black\""],
        "system-ui": ["system-ui"],
      },
    },
  },
};

// Design tokens for Tailwind CSS 3, measured by Copy That 7.
// Use it as a preset, or list your own files under content.
/** @type {import("tailwindcss").Config} */
module.exports = {
  content: [],
  theme: {
    extend: {
      colors: {},
      spacing: {},
      boxShadow: {},
      backgroundImage: {},
      borderRadius: {},
      fontSize: {},
      fontFamily: {},
    },
  },
};

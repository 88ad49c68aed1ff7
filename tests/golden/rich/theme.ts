/** Design tokens, measured by Copy That 7 */
export const theme = {
  color: {
    /** Main call to action */
    "primary": "#36c",
    /** Main / call "to" 'action' /script /style !-- x # y color.primary // ts-ignore import end */
    "blue-600": "#2563eb",
    "overlay": "rgb(10 11 12 / 12.16%)",
    "transparent": "rgb(255 255 255 / 0%)",
    /** Same name as a text style */
    "heading": "#abcdef",
    "hero": "#111",
    "white": "#fff",
    /** Same as primary. Words that lead elsewhere */
    "link": "#36c",
    /** Same as primary. Main / call "to" 'action' /script /style !-- x # y color.primary // ts-ignore import end */
    "text-brand": "#36c",
  },
  spacing: {
    "16": "16px",
    "13-5": "13.5px",
    "0": "0px",
    "md": "12px",
    "gutter": "1.25rem",
    "stack": "12px",
    /** Same as 16. */
    "card-padding": "16px",
  },
  typography: {
    /** Page title */
    "heading": {"fontFamily": "\"Inter\", \"Helvetica Neue\", sans-serif", "fontSize": "32px", "letterSpacing": "-0.64px", "fontWeight": 700, "lineHeight": 1.25},
    "body-16": {"fontFamily": "sans-serif", "fontSize": "16px", "letterSpacing": "0px", "fontWeight": 400, "lineHeight": 1.2},
    "caption-12": {"fontFamily": "serif", "fontSize": "12px", "letterSpacing": "0px", "fontWeight": 400, "lineHeight": 1.3333},
    "code-13-5": {"fontFamily": "monospace", "fontSize": "13.5px", "letterSpacing": "0px", "fontWeight": 400, "lineHeight": 1.2},
    "bold": {"fontFamily": "\"Black\"", "fontSize": "14px", "letterSpacing": "0px", "fontWeight": 650, "lineHeight": 1.2},
    "bold-font": {"fontFamily": "system-ui", "fontSize": "14px", "letterSpacing": "0px", "fontWeight": 400, "lineHeight": 1.2},
    "bold-font-size": {"fontFamily": "system-ui", "fontSize": "15px", "letterSpacing": "0px", "fontWeight": 400, "lineHeight": 1.2},
    /** Same as heading. */
    "display": {"fontFamily": "\"Inter\", \"Helvetica Neue\", sans-serif", "fontSize": "32px", "letterSpacing": "-0.64px", "fontWeight": 700, "lineHeight": 1.25},
  },
  shadow: {
    "md": "0 4.5px 12px -1px rgb(0 0 0 / 12%)",
    "hero": "inset -2px 0 0 3px #000",
    /** Same as md. */
    "menu": "0 4.5px 12px -1px rgb(0 0 0 / 12%)",
  },
  gradient: {
    "hero": "linear-gradient(135.25deg, #36c 0%, #fff 50%, #93c 100%)",
    "glow": "radial-gradient(circle, #36c 0%, #93c 100%)",
    /** Same as hero. */
    "banner": "linear-gradient(135.25deg, #36c 0%, #fff 50%, #93c 100%)",
  },
  radius: {
    "8": "8px",
    "2-5": "2.5px",
    "full": "40px",
    /** Same as 8. */
    "card": "8px",
  },
} as const;

export type Theme = typeof theme;
export type TokenType = keyof Theme;
export type TokenName<T extends TokenType> = keyof Theme[T];

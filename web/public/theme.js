// SPDX-License-Identifier: AGPL-3.0-or-later
// Before the first paint: the colours and the language that were chosen here the last time.
(() => {
  try {
    const theme = localStorage.getItem('lethe.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    const lang = localStorage.getItem('lethe.lang');
    if (lang) document.documentElement.lang = lang;
  } catch {
    /* storage is off: the system's colours it is */
  }
})();

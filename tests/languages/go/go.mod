module languages

#!/bin/sh
# Makes the letters of this folder from sources/, with LibreOffice and qpdf. README.md tells which programs to install.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

convert() { # FORMAT SOURCE...
    format=$1
    shift
    soffice -env:UserInstallation="file://$work/profile" --headless --convert-to "$format" --outdir "$here" "$@" >/dev/null 2>&1
}

# DOCX by way of ODT: from HTML, Writer makes a web document, which it will not save as a text document.
for source in "$here"/sources/*.html; do
    name=$(basename "$source" .html)
    soffice -env:UserInstallation="file://$work/profile" --headless --writer --convert-to odt:writer8 --outdir "$work" "$source" >/dev/null 2>&1
    convert pdf:writer_pdf_Export "$work/$name.odt"
    convert "docx:MS Word 2007 XML" "$work/$name.odt"
done

qpdf --encrypt opened-by-nobody owner-of-nothing 256 -- "$here/clinic-amina-yorke.pdf" "$here/hostile-encrypted.pdf"
head -c 9000 "$here/clinic-amina-yorke.pdf" > "$here/hostile-truncated.pdf"
head -c 3000 "$here/clinic-amina-yorke.docx" > "$here/hostile-truncated.docx"

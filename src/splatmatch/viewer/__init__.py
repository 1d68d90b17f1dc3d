"""Everything a person looks at: camera paths, videos, the live viewer, screenshots, HTML reports."""
